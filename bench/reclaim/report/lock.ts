/** At how many CPUs the lock of a partition is never free. Pure. */
import type { TextTable } from './table.ts';
import type { BenchSummary } from './summary.ts';

/** Of what one CPU does again and again, how much is under the lock. */
export interface LockShare {
  readonly what: 'fault' | 'fault and end of the page';
  readonly instructions: number;
  readonly held: number;
  /** CPUs that do nothing else until one of them always holds the lock. */
  readonly saturated_at_cpus: number;
}

/** Both in instructions; empty when the lock was not watched. */
export function lockShares(cost: BenchSummary['cost']): readonly LockShare[] {
  const of = (metric: string): number | null =>
    cost.find((one) => one.part === 'lock' && one.metric === metric)?.ns?.median ?? null;
  const [fault, page, taken, given] = ['fault', 'page', 'fault-held', 'free-held'].map(of);
  if (!fault || !page || !taken || !given) return [];
  const share = (what: LockShare['what'], instructions: number, held: number): LockShare => ({
    what,
    instructions,
    held,
    saturated_at_cpus: instructions / held,
  });
  return [share('fault', fault, taken), share('fault and end of the page', page, taken + given)];
}

export function lockTable({ cost }: BenchSummary): TextTable {
  return {
    title: 'The lock of a partition',
    note:
      'Guest instructions of a page of 4 KiB. CPUs of one partition that do nothing but this are ' +
      'slowed by the lock from that many on; a cache line that moves between CPUs is not in it.',
    columns: ['what', 'instructions', 'under the lock', 'share', 'saturated at'],
    rows: lockShares(cost).map(({ what, instructions, held, saturated_at_cpus }) => [
      what,
      instructions.toFixed(0),
      held.toFixed(0),
      `${((held / instructions) * 100).toFixed(1)} %`,
      `${saturated_at_cpus.toFixed(1)} CPUs`,
    ]),
  };
}

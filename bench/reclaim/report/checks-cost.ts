/** The promises about what the feature must not cost. Pure. */
import { atMost, type Check, intervalText, shown } from '../../check.ts';
import { type BenchData, COST_METRICS, type CostLine } from '../results/records.ts';
import { costs } from './select.ts';
import { median, ratioOfMedians } from '../../statistics.ts';

/** Compiled in and off against the untouched kernel: equal within 2 %, either way. */
export function offChecks(data: BenchData): Check[] {
  return COST_METRICS.map((metric) => {
    const off = costs(data, { part: 'off', variant: 'off', metric, threads: 1 });
    const untouched = costs(data, { part: 'off', variant: 'untouched', metric, threads: 1 });
    const a = median(off);
    const b = median(untouched);
    return atMost(`off-${metric}`, `${metric}: feature off against the untouched kernel`, {
      unit: '% apart',
      target: 2,
      measured: a === null || b === null || b === 0 ? null : Math.abs(a / b - 1) * 100,
      detail:
        a === null || b === null
          ? ''
          : `${shown(a)} / ${shown(b)} instructions, n = ${off.length} and ${untouched.length}`,
    });
  });
}

/**
 * Page faults of a process in a partition against those of one that is in none: instructions, which
 * no load of the host can blur, and time, in which threads on two CPUs wait for each other's lock.
 */
export function attachedChecks(data: BenchData): Check[] {
  return (['attached-counted', 'attached'] as const).flatMap((part) =>
    [1, 4].map((threads) => attachedCheck(data, part, threads)),
  );
}

function attachedCheck(data: BenchData, part: CostLine['part'], threads: number): Check {
  const of = (variant: CostLine['variant']): number[] =>
    costs(data, { part, variant, metric: 'fault', threads });
  const ratio = ratioOfMedians(of('attached'), of('unattached'), data.manifest.plan.seed);
  const unit = part === 'attached' ? 'time' : 'instructions';
  const title = `page faults of ${threads} thread(s), ${unit}, attached / unattached`;
  return atMost(`${part}-fault-${threads}`, title, {
    unit: 'times',
    target: 1.05,
    measured: ratio?.ratio ?? null,
    detail: ratio ? intervalText(ratio) : '',
  });
}

/** A run of `bench core` as text. Pure. */
import { shown, verdictText } from '../check.ts';
import type { Ratio, Spread } from '../statistics.ts';
import { caseName } from './plan.ts';
import type { CoreBench, CoreReport } from './records.ts';

export function renderText(bench: CoreBench, { rows, checks }: CoreReport): string {
  const [, other] = bench.cores;
  const head = ['microseconds of CPU for a step', ...bench.cores];
  const lines = [
    ...aligned([
      other === undefined ? head : [...head, 'gain'],
      ...rows.map(({ of, us_per_step, gain }) => [
        caseName(of),
        ...us_per_step.map(spreadText),
        ...(gain ? [gainText(gain)] : []),
      ]),
    ]),
    '',
    ...aligned(
      checks.map((check) => [
        check.title,
        `${check.comparison} ${check.target} ${check.unit}`,
        shown(check.measured),
        verdictText(check),
        `(${check.detail})`,
      ]),
    ),
    '',
    `Median [least-most] of ${bench.rounds} rounds. No VMM, no guest, no I/O: decisions alone.`,
  ];
  return `${lines.join('\n')}\n`;
}

function spreadText({ median, min, max }: Spread): string {
  return `${shown(median)} [${shown(min)}-${shown(max)}]`;
}

function gainText({ ratio, low, high }: Ratio): string {
  return `${shown(ratio)}x [${shown(low)}-${shown(high)}]`;
}

function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]?.map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((text, at) => text.padEnd(widths?.[at] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

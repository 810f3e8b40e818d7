/** Calls of DAGs over their deadlines: which share was over within so much of it. Pure. */
import { StepPath } from '../../../base/chart/svg.ts';
import { csvField } from '../../../base/csv.ts';
import { renderCumulative } from '../cumulative-frame.ts';
import type { DagFigures } from './figures.ts';

/** Below nobody differs. */
const LOWEST = 80;
/** Between 95 and 100 there is no room for a number. */
const UNTOLD = 99;

export function renderDagChart(runs: readonly DagFigures[]): string {
  return renderCumulative({
    title: 'SIMULATED: calls of DAGs over their deadline, cumulative',
    of: { text: '% of calls', x: 8 },
    axis: 'time over the deadline; at 1 it is met',
    percents: [LOWEST, 85, 90, 95, UNTOLD, 100].map((percent) => ({
      percent,
      text: percent === UNTOLD ? null : String(percent),
    })),
    ticks: [0, 0.5, 1, 1.5, 2].map((value) => ({ value, text: String(value) })),
    most: 2,
    marks: [1],
    lines: runs.map(({ name, within }) => ({
      name,
      path: ({ toX, toY }) => {
        const path = new StepPath();
        for (const { ratio, share } of within) {
          if (share >= LOWEST / 100) path.add(toX(ratio), toY(share));
        }
        return path.line();
      },
    })),
  });
}

/** Its points: a row for each part of the deadline. */
export function dagChartCsv(runs: readonly DagFigures[]): string {
  const head = ['time_over_deadline', ...runs.map(({ name }) => csvField(name))].join(',');
  const rows = (runs[0]?.within ?? []).map(({ ratio }, at) =>
    [ratio, ...runs.map(({ within }) => within[at]?.share ?? '')].join(','),
  );
  return `${[head, ...rows].join('\n')}\n`;
}

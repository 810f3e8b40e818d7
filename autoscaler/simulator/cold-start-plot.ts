/** Cold starts over functions: which share of them has at most so many. Pure. */
import { linearTicks, px } from '../../base/chart/svg.ts';
import { csvField } from '../../base/csv.ts';
import type { RunFigures, Simulation } from '../results/simulation.ts';
import { type CumulativePlace, renderCumulative } from './cumulative-frame.ts';

export function renderColdStarts({ runs }: Pick<Simulation, 'runs'>): string {
  const percents = linearTicks(100, 5).map((percent) => ({ percent, text: String(percent) }));
  return renderCumulative({
    title: 'SIMULATED: cold starts of each function, cumulative',
    of: { text: '% of functions', x: 24 },
    axis: 'cold starts, % of the invocations of a function',
    percents,
    ticks: percents.map(({ percent, text }) => ({ value: percent / 100, text })),
    most: 1,
    marks: [],
    lines: runs.map((run) => ({ name: run.name, path: (at) => pathOf(run, at) })),
  });
}

/** Its points: a row for each share of the functions. */
export function coldStartsCsv({ runs }: Pick<Simulation, 'runs'>): string {
  const head = ['share_of_functions', ...runs.map(({ name }) => csvField(name))];
  const rows = (runs[0]?.cold_share_of_functions ?? []).map(({ share }, at) =>
    [share, ...runs.map((run) => run.cold_share_of_functions[at]?.value ?? '')].join(','),
  );
  return `${[head.join(','), ...rows].join('\n')}\n`;
}

/** Up at each value, to the share that has at most that much. */
function pathOf({ cold_share_of_functions }: RunFigures, { toX, toY }: CumulativePlace): string {
  let path = `M${px(toX(0))} ${px(toY(0))}`;
  for (const { share, value } of cold_share_of_functions) {
    path += `H${px(toX(value))}V${px(toY(share))}`;
  }
  return `${path}H${px(toX(1))}`;
}

/** Cold starts over functions: which share of them has at most so many. Pure. */
import { label, line, linearTicks, px, stroke, svg } from '../../base/chart/svg.ts';
import { csvField } from '../../base/csv.ts';
import { lineStyle } from '../report/charts/palette.ts';
import type { RunFigures, Simulation } from '../results/simulation.ts';

const WIDTH = 720;
const LEFT = 64;
const RIGHT = 24;
const HEAD = 44;
const PLOT = 300;
const BOTTOM = 56;
const ROW = 16;

export function renderColdStarts({ runs }: Pick<Simulation, 'runs'>): string {
  const top = HEAD + ROW * runs.length;
  const floor = top + PLOT;
  const toX = (share: number): number => LEFT + share * (WIDTH - LEFT - RIGHT);
  const toY = (share: number): number => floor - share * PLOT;
  const title = 'SIMULATED: cold starts of each function, cumulative';
  const body = [label('title', { x: LEFT, y: 20 }, title)];
  for (const percent of linearTicks(100, 5)) {
    const y = toY(percent / 100);
    body.push(line(percent === 0 ? 'axis' : 'grid', { x: LEFT, y }, { x: WIDTH - RIGHT, y }));
    body.push(label('end', { x: LEFT - 8, y: y + 4 }, String(percent)));
    body.push(label('middle', { x: toX(percent / 100), y: floor + 18 }, String(percent)));
  }
  body.push(label('end', { x: LEFT + 24, y: top - 10 }, '% of functions'));
  const axis = 'cold starts, % of the invocations of a function';
  body.push(label('middle', { x: (LEFT + WIDTH - RIGHT) / 2, y: floor + 40 }, axis));
  for (const [index, run] of runs.entries()) {
    const style = lineStyle(index);
    const y = HEAD - 8 + ROW * index;
    body.push(stroke(style, pathOf(run, toX, toY), 1.8), stroke(style, `M${LEFT} ${y}h28`, 1.8));
    body.push(label('', { x: LEFT + 34, y: y + 4 }, run.name));
  }
  const height = floor + BOTTOM;
  return `${svg({ width: WIDTH, height, title, body: body.join('\n'), alone: true })}\n`;
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
function pathOf(
  { cold_share_of_functions }: RunFigures,
  toX: (share: number) => number,
  toY: (share: number) => number,
): string {
  let path = `M${px(toX(0))} ${px(toY(0))}`;
  for (const { share, value } of cold_share_of_functions) {
    path += `H${px(toX(value))}V${px(toY(share))}`;
  }
  return `${path}H${px(toX(1))}`;
}

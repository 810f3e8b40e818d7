/** Calls of DAGs over their deadlines: which share was over within so much of it. Pure. */
import { label, line, StepPath, stroke, svg } from '../../../base/chart/svg.ts';
import { csvField } from '../../../base/csv.ts';
import { lineStyle } from '../../report/charts/palette.ts';
import type { DagFigures } from './figures.ts';

const WIDTH = 720;
const LEFT = 64;
const RIGHT = 24;
const HEAD = 44;
const PLOT = 300;
const BOTTOM = 56;
const ROW = 16;
/** Below nobody differs. */
const LOWEST = 0.8;

export function renderDagChart(runs: readonly DagFigures[]): string {
  const top = HEAD + ROW * runs.length;
  const floor = top + PLOT;
  const toX = (ratio: number): number => LEFT + (ratio / 2) * (WIDTH - LEFT - RIGHT);
  const toY = (share: number): number =>
    floor - (Math.max(0, share - LOWEST) / (1 - LOWEST)) * PLOT;
  const title = 'SIMULATED: calls of DAGs over their deadline, cumulative';
  const body = [label('title', { x: LEFT, y: 20 }, title)];
  for (const percent of [80, 85, 90, 95, 99, 100]) {
    const y = toY(percent / 100);
    body.push(line(percent === 80 ? 'axis' : 'grid', { x: LEFT, y }, { x: WIDTH - RIGHT, y }));
    if (percent !== 99) body.push(label('end', { x: LEFT - 8, y: y + 4 }, String(percent)));
  }
  body.push(label('end', { x: LEFT + 8, y: top - 10 }, '% of calls'));
  for (const ratio of [0, 0.5, 1, 1.5, 2]) {
    const x = toX(ratio);
    if (ratio === 1) body.push(line('axis', { x, y: top }, { x, y: floor }));
    body.push(label('middle', { x, y: floor + 18 }, String(ratio)));
  }
  const axis = 'time over the deadline; at 1 it is met';
  body.push(label('middle', { x: (LEFT + WIDTH - RIGHT) / 2, y: floor + 40 }, axis));
  for (const [index, { name, within }] of runs.entries()) {
    const style = lineStyle(index);
    const path = new StepPath();
    for (const { ratio, share } of within) {
      if (share >= LOWEST) path.add(toX(ratio), toY(share));
    }
    const y = HEAD - 8 + ROW * index;
    body.push(stroke(style, path.line(), 1.8), stroke(style, `M${LEFT} ${y}h28`, 1.8));
    body.push(label('', { x: LEFT + 34, y: y + 4 }, name));
  }
  const height = floor + BOTTOM;
  return `${svg({ width: WIDTH, height, title, body: body.join('\n'), alone: true })}\n`;
}

/** Its points: a row for each part of the deadline. */
export function dagChartCsv(runs: readonly DagFigures[]): string {
  const head = ['time_over_deadline', ...runs.map(({ name }) => csvField(name))].join(',');
  const rows = (runs[0]?.within ?? []).map(({ ratio }, at) =>
    [ratio, ...runs.map(({ within }) => within[at]?.share ?? '')].join(','),
  );
  return `${[head, ...rows].join('\n')}\n`;
}

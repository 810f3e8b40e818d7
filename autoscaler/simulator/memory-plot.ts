/** Memory over time of a simulation, one line for each policy. Pure. */
import { label, line, linearTicks, StepPath, stroke, svg } from '../../base/chart/svg.ts';
import { lineStyle } from '../report/charts/palette.ts';
import type { Simulation } from '../results/simulation.ts';

const WIDTH = 960;
const HEIGHT = 420;
const LEFT = 64;
const RIGHT = 16;
const TOP = 84;
const BOTTOM = 56;

export function renderMemoryOverTime({ runs }: Simulation): string {
  const window_s = (runs[0]?.window_ms ?? 0) / 1000;
  const parts = runs[0]?.committed_gib_s_parts.length ?? 1;
  const part_s = window_s / parts;
  const most = runs.reduce(
    (all, run) => run.committed_gib_s_parts.reduce((own, one) => Math.max(own, one / part_s), all),
    0,
  );
  const floor = HEIGHT - BOTTOM;
  const toX = (s: number): number => LEFT + (s / (window_s || 1)) * (WIDTH - LEFT - RIGHT);
  const toY = (gib: number): number => floor - (gib / (most || 1)) * (floor - TOP);
  const body = [
    label('title', { x: LEFT, y: 20 }, 'SIMULATED: committed memory, mean of each hundredth'),
    label('end', { x: LEFT - 8, y: TOP - 10 }, 'GiB'),
  ];
  for (const gib of linearTicks(most, 5)) {
    const y = toY(gib);
    body.push(line(gib === 0 ? 'axis' : 'grid', { x: LEFT, y }, { x: WIDTH - RIGHT, y }));
    body.push(label('end', { x: LEFT - 8, y: y + 4 }, String(gib)));
  }
  for (const hours of linearTicks(window_s / 3600, 8)) {
    body.push(label('middle', { x: toX(hours * 3600), y: floor + 18 }, String(hours)));
  }
  body.push(label('middle', { x: WIDTH / 2, y: floor + 38 }, 'hours since the first arrival'));
  for (const [index, run] of runs.entries()) {
    const path = new StepPath();
    for (const [at, gib_s] of run.committed_gib_s_parts.entries()) {
      path.add(toX(at * part_s), toY(gib_s / part_s));
    }
    const style = lineStyle(index);
    const y = 36 + 14 * (index % 3);
    const x = LEFT + 300 * Math.floor(index / 3);
    body.push(stroke(style, path.line(), 1.8), stroke(style, `M${x} ${y}H${x + 28}`, 1.8));
    body.push(label('', { x: x + 34, y: y + 4 }, run.name));
  }
  const title = 'Simulated memory over time';
  return `${svg({ width: WIDTH, height: HEIGHT, title, body: body.join('\n'), alone: true })}\n`;
}

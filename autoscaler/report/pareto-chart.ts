/** Cold starts against memory: a point for each run, and the front none is better than. Pure. */
import type { Comparison } from './compare.ts';
import { LIGHT } from '../../base/chart/colours.ts';
import { label, line, linearTicks, px, SOFT, stroke, svg } from '../../base/chart/svg.ts';

const WIDTH = 720;
const HEIGHT = 460;
const LEFT = 80;
const RIGHT = 180;
const TOP = 60;
const BOTTOM = 60;

export function renderPareto({ runs }: Comparison): string {
  const floor = HEIGHT - BOTTOM;
  const most_gib_s = Math.max(1e-9, ...runs.map((one) => one.figures.committed_gib_s)) * 1.05;
  const most_cold = Math.max(0.01, ...runs.map((one) => one.figures.cold_share.high)) * 1.05;
  const toX = (share: number): number => LEFT + (share / most_cold) * (WIDTH - LEFT - RIGHT);
  const toY = (gib_s: number): number => floor - (gib_s / most_gib_s) * (floor - TOP);
  const simulated = runs.filter((one) => one.figures.simulated).length;
  const how = simulated === runs.length ? 'SIMULATED: ' : simulated > 0 ? 'some SIMULATED: ' : '';
  const title = `${how}cold starts against committed memory`;
  const body = [label('title', { x: LEFT, y: 24 }, title)];
  for (const gib_s of linearTicks(most_gib_s, 5)) {
    const y = toY(gib_s);
    body.push(line(gib_s === 0 ? 'axis' : 'grid', { x: LEFT, y }, { x: WIDTH - RIGHT, y }));
    body.push(label('end', { x: LEFT - 8, y: y + 4 }, String(gib_s)));
  }
  for (const percent of linearTicks(most_cold * 100, 6)) {
    body.push(label('middle', { x: toX(percent / 100), y: floor + 18 }, String(percent)));
  }
  body.push(label('end', { x: LEFT - 8, y: TOP - 12 }, 'GiB·s'));
  body.push(label('middle', { x: (LEFT + WIDTH - RIGHT) / 2, y: floor + 40 }, 'cold starts, %'));
  const front = runs
    .filter((one) => one.is_on_front)
    .toSorted((a, b) => a.figures.cold_share.value - b.figures.cold_share.value);
  const path = front.map(({ figures }, at) => {
    const x = px(toX(figures.cold_share.value));
    const y = px(toY(figures.committed_gib_s));
    return `${at === 0 ? 'M' : 'L'}${x} ${y}`;
  });
  if (front.length > 1) body.push(stroke(SOFT, path.join(''), 1.4, '4 3'));
  for (const { figures, is_on_front } of runs) {
    const { value, low, high } = figures.cold_share;
    const [x, y] = [toX(value), toY(figures.committed_gib_s)];
    body.push(stroke(SOFT, `M${px(toX(low))} ${px(y)}H${px(toX(high))}`, 1));
    const inside = is_on_front ? LIGHT.ink : LIGHT.paper;
    body.push(
      `<circle class="dot" cx="${px(x)}" cy="${px(y)}" r="4" fill="${inside}" ` +
        `stroke="${LIGHT.ink}"/>`,
    );
    body.push(label('', { x: x + 8, y: y - 6 }, figures.name));
  }
  return `${svg({ width: WIDTH, height: HEIGHT, title, body: body.join('\n'), alone: true })}\n`;
}

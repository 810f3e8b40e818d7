/** Whether time grows as the number of invocations does: the same workload, more and more of it. */
import { setImmediate as turn } from 'node:timers/promises';
import { label, line, logScale, px, SOFT, stroke, svg } from '../../base/chart/svg.ts';
import { benchError } from '../errors.ts';

export interface LinearPoint {
  readonly invocations: number;
  /** Of CPU, for one run. */
  readonly cpu_ms: number;
}

const SIZES = [10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000, 10_000_000];
/** Short runs are made again until so many invocations were played: CPU time has coarse ticks. */
const PLAYED_MIN = 1_000_000;

/** `timed` plays so many invocations and says what CPU time that took. */
export async function measureLinear(
  most: number,
  timed: (invocations: number) => number,
  signal: AbortSignal,
): Promise<LinearPoint[]> {
  const points: LinearPoint[] = [];
  const sizes = [...SIZES.filter((size) => size < most), most];
  // In the first the code is compiled while it runs.
  timed(Math.min(most, PLAYED_MIN));
  for (const invocations of sizes) {
    const times = Math.ceil(PLAYED_MIN / invocations);
    let cpu_ms = 0;
    for (let at = 0; at < times; at += 1) {
      await turn();
      if (signal.aborted) throw benchError('HP_BENCH_INTERRUPTED', 'the bench was interrupted.');
      cpu_ms += timed(invocations);
    }
    points.push({ invocations, cpu_ms: cpu_ms / times });
  }
  return points;
}

/** Slope of log time over log invocations, by least squares: 1 is linear. Null for one point. */
export function exponentOf(points: readonly LinearPoint[]): number | null {
  const logs = points.map((one) => [Math.log(one.invocations), Math.log(one.cpu_ms)] as const);
  const x = logs.reduce((sum, one) => sum + one[0], 0) / logs.length;
  const y = logs.reduce((sum, one) => sum + one[1], 0) / logs.length;
  const spread = logs.reduce((sum, one) => sum + (one[0] - x) ** 2, 0);
  if (!(spread > 0)) return null;
  return logs.reduce((sum, one) => sum + (one[0] - x) * (one[1] - y), 0) / spread;
}

export function linearCsv(points: readonly LinearPoint[]): string {
  const rows = points.map(({ invocations, cpu_ms }) => `${invocations},${cpu_ms.toFixed(3)}`);
  return `${['invocations,cpu_ms', ...rows].join('\n')}\n`;
}

const WIDTH = 720;
const LEFT = 72;
const RIGHT = 24;
const TOP = 48;
const FLOOR = 360;
const HEIGHT = 420;

/** CPU time over invocations, both axes logarithmic, and what linear is, from the last point on. */
export function renderLinear(points: readonly LinearPoint[]): string {
  const [first, last] = [points[0], points.at(-1)];
  if (!first || !last) return '';
  const atFirst_ms = (last.cpu_ms * first.invocations) / last.invocations;
  const low = Math.min(atFirst_ms, ...points.map(({ cpu_ms }) => cpu_ms));
  const high = Math.max(...points.map(({ cpu_ms }) => cpu_ms));
  const x = logScale({ low: first.invocations, high: last.invocations }, LEFT, WIDTH - RIGHT);
  const y = logScale({ low, high }, FLOOR, TOP);
  const body = [label('title', { x: LEFT, y: 20 }, 'Simulation: CPU time over invocations')];
  for (let power = y.from; power <= y.to; power += 1) {
    const at = y.place(10 ** power);
    body.push(
      line(power === y.from ? 'axis' : 'grid', { x: LEFT, y: at }, { x: WIDTH - RIGHT, y: at }),
    );
    body.push(label('end', { x: LEFT - 8, y: at + 4 }, `${10 ** power} ms`));
  }
  for (let power = x.from; power <= x.to; power += 1) {
    const at = { x: x.place(10 ** power), y: FLOOR + 18 };
    body.push(label('middle', at, String(10 ** power)));
  }
  const point = (invocations: number, cpu_ms: number): string =>
    `${px(x.place(invocations))} ${px(y.place(cpu_ms))}`;
  const path = points.map((one) => point(one.invocations, one.cpu_ms)).join('L');
  const ideal = `${point(first.invocations, atFirst_ms)}L${point(last.invocations, last.cpu_ms)}`;
  body.push(stroke(SOFT, `M${ideal}`, 1, '4 4'), stroke(SOFT, `M${path}`, 1.8));
  body.push(label('middle', { x: (LEFT + WIDTH) / 2, y: FLOOR + 40 }, 'invocations'));
  body.push(label('', { x: LEFT, y: 38 }, 'line: measured; dashed: linear'));
  const title = 'CPU time over invocations';
  return `${svg({ width: WIDTH, height: HEIGHT, title, body: body.join('\n'), alone: true })}\n`;
}

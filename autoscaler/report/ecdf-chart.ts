/** Distribution of latencies: the share that was done within a time, on a log time axis. Pure. */
import { formatMs } from '../../base/units.ts';
import { styleOf } from './palette.ts';
import { toSample, type Sample } from './statistics.ts';
import { decades, label, line, stepPath, svg, type Point } from './svg.ts';

export interface EcdfSeries {
  readonly mechanism: string;
  /** Null: never reached; counts in the share, so the curve then ends below 100 %. */
  readonly values_ms: readonly (number | null)[];
}

export interface EcdfOptions {
  readonly title: string;
  /** What the time is, for the axis. */
  readonly axis: string;
  readonly series: readonly EcdfSeries[];
}

const WIDTH = 470;
const HEIGHT = 300;
const LEFT = 44;
const RIGHT = 26;
const TOP = 34;
const PLOT_BOTTOM = 222;
/** A time of 0 has no place on a log axis; it is drawn at the resolution of the stamps. */
const LEAST_MS = 0.001;

export function renderEcdf(options: EcdfOptions): string {
  const series = options.series
    .map((one) => ({ mechanism: one.mechanism, sample: toSample(one.values_ms) }))
    .filter(({ sample }) => sample.n > 0);
  const all = series.flatMap(({ sample }) => sample.sorted_ms);
  const title = label('title', { x: LEFT, y: 18 }, options.title);
  if (all.length === 0) {
    const note = label('middle', { x: WIDTH / 2, y: 130 }, 'nothing of this kind happened');
    return svg({ width: WIDTH, height: HEIGHT, title: options.title, body: title + note });
  }
  const least = Math.max(LEAST_MS, Math.min(...bounds(all)));
  const [from, to] = decades(least, Math.max(least, ...bounds(all)));
  const toX = (ms: number): number =>
    LEFT + ((Math.log10(Math.max(LEAST_MS, ms)) - from) / (to - from)) * (WIDTH - LEFT - RIGHT);
  const parts = [title, ...timeAxis(from, to, toX, options.axis), ...shareAxis()];
  for (const [index, { mechanism, sample }] of series.entries()) {
    parts.push(curve(mechanism, sample, toX), legendEntry(index, mechanism, sample));
  }
  return svg({ width: WIDTH, height: HEIGHT, title: options.title, body: parts.join('\n') });
}

/** Lowest and highest without spreading a long list into arguments. */
function bounds(values: readonly number[]): [number, number] {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return [low, high];
}

function curve(mechanism: string, sample: Sample, toX: (ms: number) => number): string {
  const points: Point[] = [];
  for (const [index, ms] of sample.sorted_ms.entries()) {
    if (index === 0) points.push({ x: toX(ms), y: toY(0) });
    points.push({ x: toX(ms), y: toY((index + 1) / sample.n) });
  }
  const last = points.at(-1);
  if (last) points.push({ x: WIDTH - RIGHT, y: last.y });
  const { class_name, dash } = styleOf(mechanism);
  const dashes = dash === '' ? '' : ` stroke-dasharray="${dash}"`;
  return `<path class="line ${class_name}"${dashes} d="${stepPath(points)}"/>`;
}

function legendEntry(index: number, mechanism: string, sample: Sample): string {
  const x = LEFT + (index % 2) * 210;
  const y = PLOT_BOTTOM + 52 + Math.floor(index / 2) * 18;
  const { class_name, dash } = styleOf(mechanism);
  const dashes = dash === '' ? '' : ` stroke-dasharray="${dash}"`;
  const reached = sample.sorted_ms.length;
  const text = `${mechanism}, ${reached === sample.n ? 'n =' : `${reached} of`} ${sample.n}`;
  return (
    `<path class="line ${class_name}"${dashes} d="M${x} ${y - 4}h26"/>` +
    label('', { x: x + 32, y }, text)
  );
}

function timeAxis(from: number, to: number, toX: (ms: number) => number, axis: string): string[] {
  const parts: string[] = [];
  const every = Math.ceil((to - from) / 6);
  for (let power = from; power <= to; power += 1) {
    const x = toX(10 ** power);
    parts.push(line('grid', { x, y: TOP }, { x, y: PLOT_BOTTOM }));
    if ((power - from) % every !== 0) continue;
    parts.push(label('middle', { x, y: PLOT_BOTTOM + 16 }, formatMs(10 ** power)));
    // Few decades leave room for the steps between them.
    for (const step of to - from <= 2 && power < to ? [2, 5] : []) {
      const between = toX(step * 10 ** power);
      const text = formatMs(step * 10 ** power);
      parts.push(line('grid', { x: between, y: TOP }, { x: between, y: PLOT_BOTTOM }));
      parts.push(label('middle', { x: between, y: PLOT_BOTTOM + 16 }, text));
    }
  }
  parts.push(label('middle', { x: (LEFT + WIDTH - RIGHT) / 2, y: PLOT_BOTTOM + 33 }, axis));
  return parts;
}

function shareAxis(): string[] {
  return [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const y = toY(share);
    const name = share === 0 ? 'axis' : 'grid';
    return (
      line(name, { x: LEFT, y }, { x: WIDTH - RIGHT, y }) +
      label('end', { x: LEFT - 6, y: y + 4 }, `${share * 100} %`)
    );
  });
}

function toY(share: number): number {
  return PLOT_BOTTOM - share * (PLOT_BOTTOM - TOP);
}

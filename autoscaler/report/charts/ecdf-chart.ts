/** Distribution of latencies: the share that was done within a time, on a log time axis. Pure. */
import { boundsOf } from '../../../base/number-list.ts';
import type { Sample } from '../../../base/statistics.ts';
import { formatMs } from '../../../base/units.ts';
import { styleOf } from './palette.ts';
import { logScale, label, line, StepPath, stroke, svg } from '../../../base/chart/svg.ts';

export interface EcdfSeries {
  readonly mechanism: string;
  /** What was never reached counts in the share, so the curve then ends below 100 %. */
  readonly sample: Sample;
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

export function renderEcdf(options: EcdfOptions): string {
  const series = options.series.filter(({ sample }) => sample.n > 0);
  const title = label('title', { x: LEFT, y: 18 }, options.title);
  const { low, high } = boundsOf(
    series.flatMap(({ sample: { sorted } }) =>
      [sorted[0], sorted.at(-1)].filter((one) => one !== undefined),
    ),
  );
  if (low > high) {
    const note = label('middle', { x: WIDTH / 2, y: 130 }, 'nothing of this kind happened');
    return svg({ width: WIDTH, height: HEIGHT, title: options.title, body: title + note });
  }
  const { from, to, place: toX } = logScale({ low, high }, LEFT, WIDTH - RIGHT);
  const parts = [title, ...timeAxis(from, to, toX, options.axis), ...shareAxis()];
  for (const [index, { mechanism, sample }] of series.entries()) {
    parts.push(curve(mechanism, sample, toX), legendEntry(index, mechanism, sample));
  }
  return svg({ width: WIDTH, height: HEIGHT, title: options.title, body: parts.join('\n') });
}

function curve(mechanism: string, sample: Sample, toX: (ms: number) => number): string {
  const path = new StepPath();
  const { sorted } = sample;
  for (let index = 0; index < sorted.length; index += 1) {
    const x = toX(sorted[index] ?? 0);
    if (index === 0) path.add(x, toY(0));
    path.add(x, toY((index + 1) / sample.n));
  }
  if (sorted.length > 0) path.add(WIDTH - RIGHT, toY(sorted.length / sample.n));
  return stroke(styleOf(mechanism), path.line(), 1.8);
}

function legendEntry(index: number, mechanism: string, sample: Sample): string {
  const x = LEFT + (index % 2) * 210;
  const y = PLOT_BOTTOM + 52 + Math.floor(index / 2) * 18;
  const reached = sample.sorted.length;
  const text = `${mechanism}, ${reached === sample.n ? 'n =' : `${reached} of`} ${sample.n}`;
  return stroke(styleOf(mechanism), `M${x} ${y - 4}h26`, 1.8) + label('', { x: x + 32, y }, text);
}

function timeAxis(from: number, to: number, toX: (ms: number) => number, axis: string): string[] {
  const parts: string[] = [];
  const every = Math.ceil((to - from) / 6);
  for (let power = from; power <= to; power += 1) {
    const x = toX(10 ** power);
    parts.push(line('grid', { x, y: TOP }, { x, y: PLOT_BOTTOM }));
    if ((power - from) % every !== 0) continue;
    parts.push(label('middle', { x, y: PLOT_BOTTOM + 16 }, formatMs(10 ** power)));
    // Few logScale leave room for the steps between them.
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

/** The frame of a plot of shares: percent upwards, names above it, a line for each. Pure. */
import { label, line, stroke, svg } from '../../base/chart/svg.ts';
import { lineStyle } from '../report/charts/palette.ts';

const WIDTH = 720;
const LEFT = 64;
const RIGHT = 24;
const HEAD = 44;
const PLOT = 300;
const BOTTOM = 56;
const ROW = 16;

/** Where a value along the axis, and a share, are drawn. */
export interface CumulativePlace {
  readonly toX: (value: number) => number;
  readonly toY: (share: number) => number;
}

export interface CumulativeFrame {
  readonly title: string;
  /** Of what the percent are, and how far to the right of the axis that ends. */
  readonly of: { readonly text: string; readonly x: number };
  readonly axis: string;
  /** Of shares, the lowest first: below it nothing is drawn. `null`: a line without its number. */
  readonly percents: readonly { readonly percent: number; readonly text: string | null }[];
  readonly ticks: readonly { readonly value: number; readonly text: string }[];
  /** The value at the right end. */
  readonly most: number;
  /** Values with a line from top to floor. */
  readonly marks: readonly number[];
  readonly lines: readonly {
    readonly name: string;
    readonly path: (at: CumulativePlace) => string;
  }[];
}

export function renderCumulative(frame: CumulativeFrame): string {
  const top = HEAD + ROW * frame.lines.length;
  const floor = top + PLOT;
  const lowest = (frame.percents[0]?.percent ?? 0) / 100;
  const toX = (value: number): number => LEFT + (value / frame.most) * (WIDTH - LEFT - RIGHT);
  const toY = (share: number): number =>
    floor - (Math.max(0, share - lowest) / (1 - lowest)) * PLOT;
  const { title } = frame;
  const body = [label('title', { x: LEFT, y: 20 }, title)];
  for (const [index, { percent, text }] of frame.percents.entries()) {
    const y = toY(percent / 100);
    body.push(line(index === 0 ? 'axis' : 'grid', { x: LEFT, y }, { x: WIDTH - RIGHT, y }));
    if (text !== null) body.push(label('end', { x: LEFT - 8, y: y + 4 }, text));
  }
  body.push(label('end', { x: LEFT + frame.of.x, y: top - 10 }, frame.of.text));
  for (const value of frame.marks) {
    body.push(line('axis', { x: toX(value), y: top }, { x: toX(value), y: floor }));
  }
  for (const { value, text } of frame.ticks) {
    body.push(label('middle', { x: toX(value), y: floor + 18 }, text));
  }
  body.push(label('middle', { x: (LEFT + WIDTH - RIGHT) / 2, y: floor + 40 }, frame.axis));
  for (const [index, { name, path }] of frame.lines.entries()) {
    const style = lineStyle(index);
    const y = HEAD - 8 + ROW * index;
    body.push(stroke(style, path({ toX, toY }), 1.8), stroke(style, `M${LEFT} ${y}h28`, 1.8));
    body.push(label('', { x: LEFT + 34, y: y + 4 }, name));
  }
  const height = floor + BOTTOM;
  return `${svg({ width: WIDTH, height, title, body: body.join('\n'), alone: true })}\n`;
}

/**
 * Building blocks of the charts: escaping, scales, ticks and marks. Every mark has its colours as
 * plain attributes, so a file shows the same in every viewer. Pure, no locale.
 */
import { printable } from '../printable.ts';
import { FONT, LIGHT, type LineStyle } from './colours.ts';

/** For pages and XML, which takes no control characters. */
export function escapeText(text: string): string {
  return printable(text.replaceAll(/[\t\r\n]+/g, ' '), Number.POSITIVE_INFINITY)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

/** Pixels with one decimal, so that equal inputs give equal bytes. */
export function px(value: number): string {
  const text = value.toFixed(1);
  return text.endsWith('.0') ? text.slice(0, -2) : text;
}

/** Round steps of 1, 2 or 5 times a power of ten, from 0 up to and including `most`. */
export function linearTicks(most: number, wanted: number): number[] {
  if (!(most > 0)) return [0];
  const raw = most / wanted;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= raw) ?? 10 * power;
  const ticks: number[] = [];
  for (let index = 0; index * step <= most * (1 + 1e-9); index += 1) {
    ticks.push(Number((index * step).toPrecision(12)));
  }
  return ticks;
}

/** The powers of ten that enclose [least, most]; both above 0. */
function decades(least: number, most: number): [number, number] {
  const from = Math.floor(Math.log10(least) + 1e-9);
  const to = Math.max(from + 1, Math.ceil(Math.log10(most) - 1e-9));
  return [from, to];
}

/** A time of 0 has no place on a log axis; it is drawn at the resolution of the stamps. */
const LEAST_MS = 0.001;

export interface LogScale {
  /** Whole decades at its ends. */
  readonly from: number;
  readonly to: number;
  /** Where a time lies between `begin` and `end`. */
  readonly place: (ms: number) => number;
}

/** A log axis of times, from `begin` to `end` of the picture, on which `low` to `high` lie. */
export function logScale(
  { low, high }: { readonly low: number; readonly high: number },
  begin: number,
  end: number,
): LogScale {
  const least = Math.max(LEAST_MS, low);
  const [from, to] = decades(least, Math.max(least, high));
  const place = (ms: number): number =>
    begin + ((Math.log10(Math.max(LEAST_MS, ms)) - from) / (to - from)) * (end - begin);
  return { from, to, place };
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** Points that share half a pixel column, thinned to first, lowest, highest and last. */
interface Column {
  readonly x: number;
  readonly first: Point;
  low: Point;
  high: Point;
  last: Point;
  /** Whether the lowest came before the highest. */
  low_first: boolean;
}

/**
 * A step line, point by point: each point's y holds until the next point's x. However many points
 * there are, what is kept is bounded by the width of the chart, and no peak is lost.
 */
export class StepPath {
  readonly #parts: string[] = [];
  #column: Column | null = null;
  #start: Point | null = null;
  #above: Point | null = null;

  add(x: number, y: number): void {
    const point = { x, y };
    this.#start ??= point;
    const column = this.#column;
    if (column === null || Math.round(x * 2) !== column.x) {
      this.#flush();
      this.#column = {
        x: Math.round(x * 2),
        first: point,
        low: point,
        high: point,
        last: point,
        low_first: true,
      };
      return;
    }
    if (y < column.low.y) {
      column.low = point;
      column.low_first = false;
    }
    if (y > column.high.y) {
      column.high = point;
      column.low_first = true;
    }
    column.last = point;
  }

  /** The line so far. */
  line(): string {
    this.#flush();
    return this.#parts.join('');
  }

  /** The same closed down to `floor_y`, to be filled. */
  area(floor_y: number): string {
    const top = this.line();
    if (!this.#start || !this.#above) return '';
    return `${top}H${px(this.#above.x)}V${px(floor_y)}H${px(this.#start.x)}Z`;
  }

  #flush(): void {
    const column = this.#column;
    this.#column = null;
    if (!column) return;
    const { first, low, high, last, low_first } = column;
    for (const point of [first, ...(low_first ? [low, high] : [high, low]), last]) {
      this.#draw(point);
    }
  }

  #draw(point: Point): void {
    const above = this.#above;
    if (above === null) this.#parts.push(`M${px(point.x)} ${px(point.y)}`);
    else {
      if (px(point.x) !== px(above.x)) this.#parts.push(`H${px(point.x)}`);
      if (px(point.y) !== px(above.y)) this.#parts.push(`V${px(point.y)}`);
    }
    this.#above = point;
  }
}

/** A line in a colour of its own. `dash` in place of its usual one. */
export function stroke(style: LineStyle, d: string, width: number, dash = style.dash): string {
  const dashes = dash === '' ? '' : ` stroke-dasharray="${dash}"`;
  return (
    `<path class="line ${style.class_name}" fill="none" stroke="${style.light}" ` +
    `stroke-width="${width}" stroke-linejoin="round"${dashes} d="${d}"/>`
  );
}

/** The colour of what is told apart from nothing. */
export const SOFT: LineStyle = { class_name: 'soft', dash: '', light: LIGHT.soft, dark: '' };

/** A filled area in a colour of its own. */
export function fill(style: LineStyle, d: string): string {
  return (
    `<path class="area ${style.class_name}" fill="${style.light}" fill-opacity="0.28" ` +
    `stroke="none" d="${d}"/>`
  );
}

export function line(kind: 'grid' | 'axis', from: Point, to: Point): string {
  return (
    `<line class="${kind}" stroke="${kind === 'grid' ? LIGHT.faint : LIGHT.soft}" ` +
    `x1="${px(from.x)}" y1="${px(from.y)}" x2="${px(to.x)}" y2="${px(to.y)}"/>`
  );
}

const LABELS = {
  '': `fill="${LIGHT.soft}"`,
  title: `class="title" fill="${LIGHT.ink}" font-size="13" font-weight="600"`,
  end: `fill="${LIGHT.soft}" text-anchor="end"`,
  middle: `fill="${LIGHT.soft}" text-anchor="middle"`,
} as const;

export function label(kind: keyof typeof LABELS, at: Point, text: string): string {
  return `<text ${LABELS[kind]} x="${px(at.x)}" y="${px(at.y)}">${escapeText(text)}</text>`;
}

export interface SvgOptions {
  readonly width: number;
  readonly height: number;
  readonly title: string;
  readonly body: string;
  /** A file that stands alone has a size and a background of its own. */
  readonly alone?: boolean;
}

export function svg(options: SvgOptions): string {
  const { width, height, title, body, alone } = options;
  const own = alone ? ` width="${width}" height="${height}"` : '';
  const back = alone ? `<rect width="${width}" height="${height}" fill="${LIGHT.paper}"/>` : '';
  return (
    `<svg class="chart" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}"${own} ` +
    `role="img" aria-label="${escapeText(title)}" font-family="${FONT}" font-size="12">` +
    `${back}${body}</svg>`
  );
}

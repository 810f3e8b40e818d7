/** Building blocks of the charts: escaping, scales, ticks and paths. Pure, no locale. */

export function escapeText(text: string): string {
  return text
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
export function decades(least: number, most: number): [number, number] {
  const from = Math.floor(Math.log10(least) + 1e-9);
  const to = Math.max(from + 1, Math.ceil(Math.log10(most) - 1e-9));
  return [from, to];
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

/**
 * A step line: each point's y holds until the next point's x. Points that share half a pixel column
 * are thinned to first, lowest, highest and last, so no peak is lost.
 */
export function stepPath(points: readonly Point[]): string {
  const parts: string[] = [];
  let above: Point | null = null;
  for (const point of thin(points)) {
    if (above === null) parts.push(`M${px(point.x)} ${px(point.y)}`);
    else {
      if (px(point.x) !== px(above.x)) parts.push(`H${px(point.x)}`);
      if (px(point.y) !== px(above.y)) parts.push(`V${px(point.y)}`);
    }
    above = point;
  }
  return parts.join('');
}

/** The same closed down to `floor_y`, to be filled. */
export function stepArea(points: readonly Point[], floor_y: number): string {
  const first = points[0];
  const last = points.at(-1);
  if (!first || !last) return '';
  return `${stepPath(points)}H${px(last.x)}V${px(floor_y)}H${px(first.x)}Z`;
}

function thin(points: readonly Point[]): Point[] {
  const kept: Point[] = [];
  let column: Point[] = [];
  const flush = (): void => {
    if (column.length <= 4) kept.push(...column);
    else kept.push(...outline(column));
    column = [];
  };
  for (const point of points) {
    const first = column[0];
    if (first && Math.round(first.x * 2) !== Math.round(point.x * 2)) flush();
    column.push(point);
  }
  flush();
  return kept;
}

function outline(column: readonly Point[]): Point[] {
  let low = 0;
  let high = 0;
  for (const [index, point] of column.entries()) {
    if (point.y < (column[low]?.y ?? 0)) low = index;
    if (point.y > (column[high]?.y ?? 0)) high = index;
  }
  const wanted = new Set([0, low, high, column.length - 1]);
  return column.filter((_, index) => wanted.has(index));
}

export function line(class_name: string, from: Point, to: Point): string {
  return (
    `<line class="${class_name}" x1="${px(from.x)}" y1="${px(from.y)}" ` +
    `x2="${px(to.x)}" y2="${px(to.y)}"/>`
  );
}

export function label(class_name: string, at: Point, text: string): string {
  const name = class_name === '' ? '' : ` class="${class_name}"`;
  return `<text${name} x="${px(at.x)}" y="${px(at.y)}">${escapeText(text)}</text>`;
}

export interface SvgOptions {
  readonly width: number;
  readonly height: number;
  readonly title: string;
  readonly body: string;
  /** Style sheet of its own, for a file that stands alone; it then has a background too. */
  readonly style?: string;
}

export function svg(options: SvgOptions): string {
  const { width, height, title, body, style } = options;
  const size = `viewBox="0 0 ${width} ${height}"`;
  const own = style === undefined ? '' : ` width="${width}" height="${height}"`;
  const head =
    style === undefined
      ? ''
      : `<style>${style}</style><rect width="100%" height="100%" fill="var(--paper)"/>`;
  return (
    `<svg class="chart" xmlns="http://www.w3.org/2000/svg" ${size}${own} role="img" ` +
    `aria-label="${escapeText(title)}">${head}${body}</svg>`
  );
}

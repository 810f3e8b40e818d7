/**
 * Every single operation as a dot over its category, the median as a bar, on a log time axis: shows
 * spread and distance at once. Pure; the same bytes for the same input.
 */
import { boundsOf } from '../../../base/number-list.ts';
import { styleOf } from '../../../autoscaler/report/charts/palette.ts';
import { logScale, label, line, px, stroke, svg } from '../../../base/chart/svg.ts';
import { formatMs } from '../../../base/units.ts';
import { median } from '../../statistics.ts';

export interface DotSeries {
  /** A mechanism, or `floor`. */
  readonly name: string;
  /** One list of milliseconds per category. */
  readonly values_ms: readonly (readonly number[])[];
}

export interface DotChart {
  readonly title: string;
  /** What the categories are. */
  readonly axis: string;
  readonly categories: readonly string[];
  readonly series: readonly DotSeries[];
}

const WIDTH = 470;
const HEIGHT = 300;
const LEFT = 58;
const RIGHT = 14;
const TOP = 34;
const BOTTOM = 216;
const BAR = 9;

export function renderDots(chart: DotChart): string {
  const series = chart.series.filter(({ values_ms }) => values_ms.some((list) => list.length > 0));
  const all = series.flatMap(({ values_ms }) => values_ms.flat());
  const head = label('title', { x: LEFT, y: 18 }, chart.title);
  const { low, high } = boundsOf(all);
  if (all.length === 0) {
    const note = label('middle', { x: WIDTH / 2, y: 120 }, 'not measured');
    return svg({ width: WIDTH, height: HEIGHT, title: chart.title, body: head + note });
  }
  const { from, to, place: toY } = logScale({ low, high }, BOTTOM, TOP);
  const parts = [head, ...timeAxis(from, to, toY), ...categoryAxis(chart)];
  for (const [index, one] of series.entries()) {
    parts.push(...dots(one, index, series.length, chart.categories.length, toY));
    parts.push(legend(one, index));
  }
  return svg({ width: WIDTH, height: HEIGHT, title: chart.title, body: parts.join('\n') });
}

function dots(
  series: DotSeries,
  index: number,
  count: number,
  categories: number,
  toY: (ms: number) => number,
): string[] {
  const { class_name, light } = styleOf(series.name);
  return series.values_ms.flatMap((values, category) => {
    const center = median(values);
    if (center === null) return [];
    const wide = (WIDTH - LEFT - RIGHT) / categories;
    const x = LEFT + category * wide + ((index + 1) / (count + 1)) * wide;
    const marks = values.map((value, position) => {
      // Spread sideways by position, so that equal values stay visible.
      const aside = ((position % 5) - 2) * 2;
      return `<circle cx="${px(x + aside)}" cy="${px(toY(value))}" r="2"/>`;
    });
    const bar = `<path d="M${px(x - BAR)} ${px(toY(center))}h${2 * BAR}" stroke-width="2.4"/>`;
    return `<g class="dot line ${class_name}" fill="${light}" stroke="${light}"
 fill-opacity="0.45" stroke-width="0">${marks.join('')}${bar}</g>`;
  });
}

function timeAxis(from: number, to: number, toY: (ms: number) => number): string[] {
  const parts: string[] = [];
  for (let power = from; power <= to; power += 1) {
    const y = toY(10 ** power);
    parts.push(
      line(power === from ? 'axis' : 'grid', { x: LEFT, y }, { x: WIDTH - RIGHT, y }),
      label('end', { x: LEFT - 6, y: y + 4 }, formatMs(10 ** power)),
    );
  }
  return parts;
}

function categoryAxis(chart: DotChart): string[] {
  const wide = (WIDTH - LEFT - RIGHT) / chart.categories.length;
  return [
    ...chart.categories.map((name, index) =>
      label('middle', { x: LEFT + (index + 0.5) * wide, y: BOTTOM + 16 }, name),
    ),
    label('middle', { x: (LEFT + WIDTH - RIGHT) / 2, y: BOTTOM + 34 }, chart.axis),
  ];
}

function legend(series: DotSeries, index: number): string {
  const x = LEFT + (index % 2) * 200;
  const y = BOTTOM + 56 + Math.floor(index / 2) * 17;
  const n = series.values_ms.reduce((sum, list) => sum + list.length, 0);
  return (
    stroke(styleOf(series.name), `M${x} ${y - 4}h18`, 2.4, '') +
    label('', { x: x + 24, y }, `${series.name}, n = ${n}`)
  );
}

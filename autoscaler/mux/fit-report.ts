/** What was fitted, for people, for programs, and as the block of a definition. Pure. */
import { jsonDocument } from '../../base/json.ts';
import { printable } from '../../base/printable.ts';
import { percentile, Sample } from '../../base/statistics.ts';
import { formatBytes } from '../../base/units.ts';
import type { Fit, MeasuredCall } from './fit.ts';

export interface Fitted {
  /** A file or a function. */
  readonly of: string;
  readonly shape: readonly string[];
  /** JSON pointers of the parameters of the shape, by their names. */
  readonly pointers: ReadonlyMap<string, string>;
  readonly points: readonly MeasuredCall[];
  readonly fit: Fit;
}

export interface Residuals {
  /** Of their sizes, as shares of the peaks. */
  readonly median: number;
  readonly worst_above: number;
  readonly worst_below: number;
}

export function residualsOf({ residuals }: Fit): Residuals {
  const sizes = residuals.map((one) => Math.abs(one));
  return {
    median: percentile(Sample.of(sizes), 0.5) ?? 0,
    worst_above: Math.max(0, ...residuals),
    worst_below: Math.max(0, ...residuals.map((one) => -one)),
  };
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

export function renderFit(fitted: Fitted): string {
  const { of, shape, fit } = fitted;
  const { median, worst_above, worst_below } = residualsOf(fit);
  const dropped = shape.filter((one) => !fit.terms.some(({ product }) => product === one));
  return [
    `${printable(of)}: fitted, from ${fit.points} points`,
    `shape      1, ${shape.join(', ')}`,
    ...(dropped.length > 0 ? [`left out   ${dropped.join(', ')}: nothing is taken for it`] : []),
    `base       ${formatBytes(fit.base_bytes)}`,
    `peak       ${peakText(fit)}`,
    `residuals  median ${percent(median)}; at most ${percent(worst_below)} too low, ` +
      `${percent(worst_above)} too high`,
    '',
    fitBlock(fitted).trimEnd(),
    '',
  ].join('\n');
}

function peakText({ terms }: Fit): string {
  return terms.map(({ product, bytes }) => `${bytes} * ${product}`).join(' + ') || '0';
}

/** Within the ranges that were measured: nothing is known beyond them. */
export function fitBlock({ fit, points, pointers }: Fitted): string {
  const { median, worst_below, worst_above } = residualsOf(fit);
  const tolerance = Math.max(0.1, Math.ceil(100 * Math.max(worst_below, worst_above)) / 100);
  const ranges = [...pointers].map(([name, pointer]) => {
    const values = points.map(({ inputs }) => inputs[name] ?? 0);
    const range = `min: ${Math.min(...values)}, max: ${Math.max(...values)}`;
    return `      ${name}: { pointer: ${JSON.stringify(pointer)}, ${range} }`;
  });
  return [
    `# fitted: ${fit.points} points, median residual ${percent(median)}, ` +
      `at most ${percent(worst_below)} too low`,
    'memory:',
    '  expression:',
    ...(ranges.length > 0 ? ['    parameters:', ...ranges] : []),
    `    peak: "${peakText(fit)}"`,
    `    base: ${fit.base_bytes}`,
    `    tolerance: ${tolerance}`,
    '',
  ].join('\n');
}

export function fitJson(fitted: Fitted): string {
  const { of, shape, fit, pointers } = fitted;
  const parameters = Object.fromEntries(pointers);
  const figures = { ...fit, ...residualsOf(fit) };
  return jsonDocument({ of, class: 'fitted', shape, parameters, ...figures, peak: peakText(fit) });
}

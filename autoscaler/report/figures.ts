/** Figures as text: a value never without its n and its range. Pure, no locale. */
import type { Distribution } from '../../base/statistics.ts';
import { formatMs } from '../../base/units.ts';

export const NONE = '–';
const NOT_REACHED = 'not reached';

/** `41 ms [12-310 ms], p95 292 ms, n = 37`; percentiles above the median where n allows them. */
export function spread(values: Distribution): string {
  if (values.n === 0) return NONE;
  if (values.reached === 0) return `${NOT_REACHED}, n = ${values.n}`;
  const { p95_ms, p99_ms } = values;
  const tail = [
    p95_ms === undefined || p99_ms !== undefined || values.min_ms === values.max_ms
      ? ''
      : `p95 ${timeText(p95_ms)}`,
    p99_ms === undefined || values.min_ms === values.max_ms ? '' : `p99 ${timeText(p99_ms)}`,
    `n = ${values.n}`,
  ].filter((text) => text !== '');
  const { min_ms, max_ms } = values;
  const range = min_ms === max_ms ? '' : ` [${rangeText(min_ms, max_ms)}]`;
  return `${timeText(values.p50_ms)}${range}, ${tail.join(', ')}`;
}

/** What {@link spread} prints, for the heading of a table. */
export const SPREAD_HEAD = 'median [min-max], p95 or p99';

function timeText(ms: number | null): string {
  return ms === null ? NOT_REACHED : formatMs(ms);
}

export function countText(value: number | null): string {
  return value === null ? NONE : String(value);
}

/** `12.3 %`; signed: `+3.0 %`, `−41.2 %`. */
export function percent(share: number, signed = false): string {
  const text = `${(Math.abs(share) * 100).toFixed(1)} %`;
  if (!signed) return text;
  return share < 0 ? `−${text}` : `+${text}`;
}

export function timesText(value: number | null): string {
  if (value === null) return NOT_REACHED;
  return `${value.toFixed(value < 10 ? 2 : 0)}×`;
}

/** The unit once where both ends have it: `12-310 ms`. */
function rangeText(low_ms: number | null, high_ms: number | null): string {
  const low = timeText(low_ms);
  const high = timeText(high_ms);
  const [number, unit, ...more] = low.split(' ');
  const same = more.length === 0 && unit !== undefined && high.endsWith(` ${unit}`);
  return same && high.split(' ').length === 2 ? `${number}-${high}` : `${low} - ${high}`;
}

/**
 * Hybrid histogram (Shahrad et al., "Serverless in the Wild", USENIX ATC 2020), the rules alone:
 * idle times of a function in bins of a minute tell when it is unloaded, when it is there again
 * ahead of its next invocation, and until when. Pure.
 *
 * The paper leaves two numbers open, here settings: how many idle times are too few, and which
 * share beyond the range is too much. Where too much lies beyond the range it forecasts with ARIMA;
 * here the forecast is exponential smoothing of the idle times, which concerns few invocations.
 */

const BIN_MS = 60_000;
/** Four hours. */
export const HISTOGRAM_BINS = 240;
const HEAD_SHARE = 0.05;
const TAIL_SHARE = 0.99;
/** The windows are wider than the percentiles by a tenth on both sides. */
const MARGIN = 0.1;
/** Of the counts in the bins; below it they say nothing. */
const VARIATION_MIN = 2;
/** As dslab-faas has it; the paper does not say. */
const IDLE_TIMES_MIN = 10;
const BEYOND_SHARE_MAX = 0.5;
/** Around a forecast. */
const FORECAST_BEFORE = 0.85;
const FORECAST_KEPT = 0.3;
const SMOOTHING = 0.5;

/** What is known of one function's idle times, `bins` beside it. */
export interface IdleTimes {
  /** Within the range. */
  readonly within: number;
  readonly beyond: number;
  /** Sum of the squares of the counts in the bins. */
  readonly squares: number;
  /** Smoothed idle time; null before the first. */
  readonly forecast_ms: number | null;
}

export const NO_IDLE_TIMES: IdleTimes = { within: 0, beyond: 0, squares: 0, forecast_ms: null };

/** What comes of it. */
export interface Windows {
  /** After the end of a run, when an instance is to be there again; 0: it stays. */
  readonly prewarm_ms: number;
  /** How long an instance is kept idle, counted from there. */
  readonly keep_alive_ms: number;
  /** Which rule said so. */
  readonly rule: 'standard' | 'histogram' | 'forecast';
}

/** The standard policy: kept for the whole range. */
export const STANDARD_WINDOWS: Windows = {
  prewarm_ms: 0,
  keep_alive_ms: HISTOGRAM_BINS * BIN_MS,
  rule: 'standard',
};

/** Which bin an idle time is in; null: beyond the range. */
export function binOf(idle_ms: number): number | null {
  const bin = Math.floor(Math.max(0, idle_ms) / BIN_MS);
  return bin < HISTOGRAM_BINS ? bin : null;
}

/** One more idle time; `in_bin`: how many were in its bin before. */
export function noteIdleTime(known: IdleTimes, idle_ms: number, in_bin: number): IdleTimes {
  const before_ms = known.forecast_ms ?? idle_ms;
  const forecast_ms = before_ms + SMOOTHING * (idle_ms - before_ms);
  if (binOf(idle_ms) === null) return { ...known, beyond: known.beyond + 1, forecast_ms };
  return {
    within: known.within + 1,
    beyond: known.beyond,
    squares: known.squares + 2 * in_bin + 1,
    forecast_ms,
  };
}

/** The windows that follow; `bins` are the counts. */
export function windowsOf(known: IdleTimes, bins: ArrayLike<number>): Windows {
  const { within, beyond, squares, forecast_ms } = known;
  const all = within + beyond;
  if (all < IDLE_TIMES_MIN) return STANDARD_WINDOWS;
  if (beyond > BEYOND_SHARE_MAX * all && forecast_ms !== null) {
    const prewarm_ms = FORECAST_BEFORE * forecast_ms;
    return { prewarm_ms, keep_alive_ms: FORECAST_KEPT * forecast_ms, rule: 'forecast' };
  }
  const mean = within / HISTOGRAM_BINS;
  const variance = squares / HISTOGRAM_BINS - mean * mean;
  if (Math.sqrt(Math.max(0, variance)) < VARIATION_MIN * mean) return STANDARD_WINDOWS;
  const head = binAtShare(bins, within * HEAD_SHARE);
  const tail = binAtShare(bins, within * TAIL_SHARE) + 1;
  const prewarm_ms = (1 - MARGIN) * head * BIN_MS;
  const keep_alive_ms = (1 + MARGIN) * tail * BIN_MS - prewarm_ms;
  return { prewarm_ms, keep_alive_ms, rule: 'histogram' };
}

/** The first bin up to which at least so many lie. */
function binAtShare(bins: ArrayLike<number>, wanted: number): number {
  // Counts are whole: so many, and one at least.
  const needed = Math.max(1, Math.ceil(wanted));
  let below = 0;
  for (let bin = 0; bin < HISTOGRAM_BINS; bin += 1) {
    below += bins[bin] ?? 0;
    if (below >= needed) return bin;
  }
  return HISTOGRAM_BINS - 1;
}

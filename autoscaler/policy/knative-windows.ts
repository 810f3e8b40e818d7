/**
 * Knative's stable and panic windows (knative/serving, `config-autoscaler`), the rules alone: how
 * many instances are to be there follows from the mean number of invocations at a time over a
 * minute, and, where the last six seconds ask for twice what is ready, from those. Pure.
 *
 * Instances here run one invocation at a time, so the target is 1, of which 70 % are to be used.
 * Left out: the burst capacity of the activator, and the grace period in which traffic is led away.
 */

const SECOND_MS = 1_000;
const TICK_MS = 2_000;
const STABLE_S = 60;
/** A tenth of the stable window. */
const PANIC_S = 6;
const TARGET = 0.7;
/** Wanted by the panic window against what is ready, from which on there is panic. */
const PANIC_THRESHOLD = 2;
/** At most so many times as many at one decision, and at least a half. */
const SCALE_UP_MAX = 1_000;
const SCALE_DOWN_MAX = 2;

/** What is known of one function; changed in place by `observe`. */
export interface KnativeWindows {
  /** Invocations times ms of each of the last 60 seconds, at the second modulo 60. */
  readonly buckets: number[];
  /** Since when the windows are filled; null: nothing was seen for a whole stable window. */
  first_ms: number | null;
  /** Until when all is in the buckets. */
  last_ms: number;
  /** Until when there was something to do, as far as is known. */
  busy_until_ms: number;
  next_tick_ms: number;
  /** Decided at the last tick. */
  desired: number;
  /** When the threshold was passed last; null: no panic. */
  panic_at_ms: number | null;
  /** Most that were wanted since the panic began; less are not there while it lasts. */
  panic_most: number;
}

export function newWindows(): KnativeWindows {
  return {
    buckets: Array.from({ length: STABLE_S }, () => 0),
    first_ms: null,
    last_ms: 0,
    busy_until_ms: 0,
    next_tick_ms: 0,
    desired: 0,
    panic_at_ms: null,
    panic_most: 0,
  };
}

export function copyOfWindows(known: KnativeWindows): KnativeWindows {
  return { ...known, buckets: [...known.buckets] };
}

/** Of the function, until now: those that wait or run, and instances that can serve. */
export interface Seen {
  readonly concurrent: number;
  readonly ready: number;
}

/** Takes in what was there until now, and decides at every tick that has passed. */
export function observe(known: KnativeWindows, now_ms: number, { concurrent, ready }: Seen): void {
  if (known.first_ms === null) return;
  while (known.first_ms !== null && known.next_tick_ms <= now_ms) {
    fill(known, known.next_tick_ms, concurrent);
    decide(known, known.next_tick_ms, ready);
    known.next_tick_ms += TICK_MS;
  }
  if (known.first_ms !== null) fill(known, now_ms, concurrent);
}

/** An invocation comes: from now on there is something to see. */
export function arrive(known: KnativeWindows, now_ms: number): void {
  known.busy_until_ms = now_ms;
  if (known.first_ms !== null) return;
  known.first_ms = Math.floor(now_ms / SECOND_MS) * SECOND_MS;
  known.last_ms = now_ms;
  known.next_tick_ms = (Math.floor(now_ms / TICK_MS) + 1) * TICK_MS;
  known.buckets.fill(0);
}

/** How many are to be there; the first is started at once, as the activator has it. */
export function wantedOf(known: KnativeWindows | undefined, queued: number): number {
  return Math.max(known?.desired ?? 0, queued > 0 ? 1 : 0);
}

/** When it is decided again; null: nothing is there to decide about. */
export function nextTick(known: KnativeWindows | undefined): number | null {
  return known === undefined || known.first_ms === null ? null : known.next_tick_ms;
}

/** From one moment to the next, second by second. */
function fill(known: KnativeWindows, to_ms: number, concurrent: number): void {
  if (concurrent > 0) known.busy_until_ms = to_ms;
  const { buckets } = known;
  while (known.last_ms < to_ms) {
    const second = Math.floor(known.last_ms / SECOND_MS);
    const at = second % STABLE_S;
    if (known.last_ms === second * SECOND_MS) buckets[at] = 0;
    const end_ms = Math.min(to_ms, (second + 1) * SECOND_MS);
    buckets[at] = (buckets[at] ?? 0) + concurrent * (end_ms - known.last_ms);
    known.last_ms = end_ms;
  }
}

function decide(known: KnativeWindows, now_ms: number, ready: number): void {
  const from = Math.max(1, ready);
  const most = Math.ceil(SCALE_UP_MAX * from);
  const least = Math.floor(ready / SCALE_DOWN_MAX);
  const stable = Math.ceil(meanOver(known, now_ms, STABLE_S) / TARGET);
  const panic = Math.ceil(meanOver(known, now_ms, PANIC_S) / TARGET);
  if (panic / from >= PANIC_THRESHOLD) {
    if (known.panic_at_ms === null) known.panic_most = 0;
    known.panic_at_ms = now_ms;
  } else if (known.panic_at_ms !== null && now_ms > known.panic_at_ms + STABLE_S * SECOND_MS) {
    known.panic_at_ms = null;
  }
  known.desired = Math.min(most, Math.max(least, stable));
  if (known.panic_at_ms !== null) {
    const bounded = Math.min(most, Math.max(least, panic));
    known.panic_most = Math.max(known.panic_most, bounded, known.desired);
    known.desired = known.panic_most;
  }
  const is_over = now_ms - known.busy_until_ms >= STABLE_S * SECOND_MS;
  if (is_over && known.desired === 0 && ready === 0) known.first_ms = null;
}

/** Mean over a window that ends now, or over what of it has been seen. */
function meanOver({ buckets, first_ms }: KnativeWindows, now_ms: number, window_s: number): number {
  const now_s = now_ms / SECOND_MS;
  const seen_s = now_s - (first_ms ?? now_ms) / SECOND_MS;
  const seconds = Math.min(window_s, seen_s);
  let sum = 0;
  for (let back = 1; back <= seconds; back += 1) sum += buckets[(now_s - back) % STABLE_S] ?? 0;
  return seconds > 0 ? sum / (seconds * SECOND_MS) : 0;
}

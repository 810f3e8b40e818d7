/**
 * The pool by a price, for the fast engine: how long instances of each function were idle until a
 * call had a use for them, and for how long that makes one worth keeping. The rules are those of
 * model/idle-rests.ts and policy/pool-price.ts, in numbers that are changed in place. Pure.
 */
import { durationClass, durationClassTopMs } from '../../agent/model/durations.ts';
import { IDLE_ENDED_MAX, IDLE_RESTS_KEPT } from '../../agent/model/idle-rests.ts';
import { POOL_POLICY_NAME, type PoolSpec } from '../../agent/model/pool-spec.ts';
import { assert } from '../../base/assert.ts';
import { evenAfterMs, type Price, unknownRestMs } from '../policy/pool-price.ts';
import type { ReadyTally } from './outcome.ts';
import { ReadyMeter } from './ready-meter.ts';
import { constantTable, type IdleUses, type TablePolicy } from './table-policies.ts';
import type { SimFunction, SimWorkload } from './workload.ts';

/** Classes of rests are counted from the one of the shortest. */
const LOWEST = durationClass(0);
const CLASSES = durationClass(Number.POSITIVE_INFINITY) - LOWEST + 1;
/** Where each class ends (ms). */
const ENDS_MS = Float64Array.from({ length: CLASSES }, (_, at) => durationClassTopMs(LOWEST + at));
/** A function seldom has rests in more classes; its counts grow where it has. */
const FIRST_WIDTH = 16;

/** What a price makes of the end of each class: the same for all functions of one size. */
interface PricedEnds {
  readonly even_ms: number;
  readonly unknown_ms: number;
  /** Of the rest that nothing is known of: whether it is longer, and how long it is kept for. */
  readonly longer: Float64Array;
  readonly kept_ms: Float64Array;
}

/** Rests of one function. */
interface Rests {
  readonly ends: PricedEnds;
  /** Counts of neighbouring classes, of which `first` is the lowest. */
  first: number;
  counts: Float64Array;
  total: number;
  /** Since when those were idle that ended before a use for them came; the latest last. */
  readonly ended_since_ms: number[];
  /** Of the counts at hand; NaN: they have changed. */
  kept_ms: number;
}

const NONE = new Float64Array(0);

class PricedRests implements IdleUses {
  readonly #rests: readonly Rests[];
  readonly #bytes: readonly number[];
  readonly #most_ms: number;
  readonly #meter: ReadyMeter;

  /** `most_ms`: nothing is kept idle for longer. */
  constructor(
    { functions, window_ms }: Pick<SimWorkload, 'functions' | 'window_ms'>,
    price: { readonly worth_gib_s: number; readonly most_ms: number },
  ) {
    const { worth_gib_s, most_ms } = price;
    this.#most_ms = most_ms;
    this.#meter = new ReadyMeter(window_ms);
    this.#bytes = functions.map(({ region_bytes }) => region_bytes);
    const ends_of = new Map<number, PricedEnds>();
    this.#rests = functions.map(({ limit_bytes: bytes }: SimFunction) => {
      const ends = ends_of.get(bytes) ?? endsFor({ bytes, worth_gib_s });
      ends_of.set(bytes, ends);
      return { ends, first: 0, counts: NONE, total: 0, ended_since_ms: [], kept_ms: Number.NaN };
    });
  }

  reused(fn: number, since_ms: number, now_ms: number): void {
    this.#meter.served(now_ms, true);
    this.#meter.wasIdle(this.#bytes[fn] ?? 0, since_ms, now_ms);
    const rests = this.#rests[fn];
    if (rests) count(rests, now_ms - since_ms);
  }

  waited(now_ms: number): void {
    this.#meter.served(now_ms, false);
  }

  missed(fn: number, now_ms: number): void {
    this.#meter.started(now_ms);
    const rests = this.#rests[fn];
    const since_ms = rests?.ended_since_ms.pop();
    if (rests && since_ms !== undefined) count(rests, Math.max(0, now_ms - since_ms));
  }

  ended(fn: number, since_ms: number, now_ms: number): void {
    this.#meter.wasIdle(this.#bytes[fn] ?? 0, since_ms, now_ms);
    const ended = this.#rests[fn]?.ended_since_ms;
    if (!ended) return;
    let place = ended.length;
    while (place > 0 && (ended[place - 1] ?? 0) > since_ms) place -= 1;
    ended.splice(place, 0, since_ms);
    if (ended.length > IDLE_ENDED_MAX) ended.shift();
  }

  keptMs(fn: number): number {
    const rests = this.#rests[fn];
    if (!rests) return 0;
    if (Number.isNaN(rests.kept_ms)) rests.kept_ms = keptMs(rests, this.#most_ms);
    return rests.kept_ms;
  }

  tally(): ReadyTally {
    return this.#meter.tally();
  }
}

/** The policy in columns; `pool` has a price. */
export function pricedTable(
  workload: Pick<SimWorkload, 'functions' | 'window_ms'>,
  { bucket_ms, active_buckets, worth_gib_s }: PoolSpec,
): TablePolicy {
  assert(worth_gib_s !== null, 'a pool by a price has one');
  const price = { worth_gib_s, most_ms: bucket_ms * active_buckets };
  // Where starts wait for memory the one idle longest gives way, as the core has it by default.
  const table = constantTable(POOL_POLICY_NAME, workload.functions.length, 0, 'oldest');
  return { ...table, uses: new PricedRests(workload, price) };
}

function endsFor(price: Price): PricedEnds {
  const unknown_ms = unknownRestMs(price);
  return {
    even_ms: evenAfterMs(price),
    unknown_ms,
    longer: ENDS_MS.map((end_ms) => longerShare(unknown_ms, end_ms)),
    kept_ms: ENDS_MS.map((end_ms) => keptUnknownMs(unknown_ms, end_ms)),
  };
}

function longerShare(unknown_ms: number, end_ms: number): number {
  return unknown_ms / (unknown_ms + end_ms);
}

function keptUnknownMs(unknown_ms: number, end_ms: number): number {
  return unknown_ms * Math.log1p(end_ms / unknown_ms);
}

function count(rests: Rests, rest_ms: number): void {
  const at = durationClass(rest_ms) - LOWEST;
  rests.kept_ms = Number.NaN;
  if (at < rests.first || at >= rests.first + rests.counts.length) widen(rests, at);
  const { counts, first } = rests;
  counts[at - first] = (counts[at - first] ?? 0) + 1;
  rests.total += 1;
  if (rests.total < IDLE_RESTS_KEPT) return;
  for (let place = 0; place < counts.length; place += 1) counts[place] = (counts[place] ?? 0) / 2;
  rests.total /= 2;
}

/** So that the class has a place, and some beside it. */
function widen(rests: Rests, at: number): void {
  const { first, counts } = rests;
  const end = first + counts.length;
  const from = counts.length === 0 ? at : Math.min(first, at);
  const to = counts.length === 0 ? at + 1 : Math.max(end, at + 1);
  const low = Math.max(0, from - FIRST_WIDTH / 2);
  const wider = new Float64Array(Math.min(CLASSES, to + FIRST_WIDTH / 2) - low);
  wider.set(counts, counts.length === 0 ? 0 : first - low);
  rests.first = low;
  rests.counts = wider;
}

/** The end with the least price, see {@link keptForMs} of the policy: sum by sum the same. */
function keptMs({ ends, first, counts, total }: Rests, most_ms: number): number {
  const { even_ms, unknown_ms, longer: longer_of, kept_ms: kept_of } = ends;
  if (total === 0) return Math.min(unknown_ms, most_ms);
  let best_ms = 0;
  let least = (total + 1) * even_ms;
  let longer = total;
  let kept_ms = 0;
  let from_ms = 0;
  let is_cut = false;
  for (let place = 0; place < counts.length; place += 1) {
    const in_class = counts[place] ?? 0;
    if (in_class === 0) continue;
    const of_class = first + place;
    const end_ms = ENDS_MS[of_class] ?? 0;
    is_cut = end_ms > most_ms;
    if (is_cut) break;
    kept_ms += longer * (end_ms - from_ms);
    longer -= in_class;
    from_ms = end_ms;
    const price =
      (longer + (longer_of[of_class] ?? 0)) * even_ms + (kept_ms + (kept_of[of_class] ?? 0));
    if (price < least) {
      least = price;
      best_ms = end_ms;
    }
    if (end_ms === most_ms) return best_ms;
  }
  // Nothing is kept for longer, or nothing longer was seen and only the unknown one is kept for.
  const last_ms = is_cut ? most_ms : Math.max(from_ms, Math.min(most_ms, even_ms - unknown_ms));
  kept_ms += longer * (last_ms - from_ms);
  const price =
    (longer + longerShare(unknown_ms, last_ms)) * even_ms +
    (kept_ms + keptUnknownMs(unknown_ms, last_ms));
  return price < least ? last_ms : best_ms;
}

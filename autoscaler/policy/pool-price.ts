/**
 * What keeping an idle instance for a time costs and saves, by one price: a cold plug is worth so
 * much memory kept idle. Pure.
 */
import { GIB } from '../../base/units.ts';
import { type DurationTally, durationClasses } from '../../agent/model/durations.ts';

/**
 * Of one rest nothing is known: it is longer than t with s / (s + t), so rests have no longest. The
 * most that s is, chosen: on a slice of Azure 2019 a half and the double of it cost as much.
 */
const UNKNOWN_MS_MAX = 600_000;

export interface Price {
  /** Of one instance. */
  readonly bytes: number;
  /** What a cold plug is worth. */
  readonly worth_gib_s: number;
}

/** For how long memory is kept until that has cost as much as the plug it spares (ms). */
export function evenAfterMs({ bytes, worth_gib_s }: Price): number {
  return (worth_gib_s * 1_000 * GIB) / bytes;
}

/** How long a rest is that nothing is known of: longer than that is as likely as not. */
export function unknownRestMs(price: Price): number {
  return Math.min(evenAfterMs(price), UNKNOWN_MS_MAX);
}

/**
 * For how long an instance is kept idle (ms), up to `most_ms`: of all ends of a class of rests the
 * one with the least price of plugs that come nevertheless and of memory kept until then, with one
 * rest more that nothing is known of. Where nothing is known at all: until both are even, so that
 * it costs at most twice what was best (the rule for skis: buy when the rents have paid for them),
 * ten minutes at most.
 */
export function keptForMs(rests: DurationTally, price: Price, most_ms: number): number {
  const even_ms = evenAfterMs(price);
  const unknown_ms = unknownRestMs(price);
  if (rests.total === 0) return Math.min(unknown_ms, most_ms);
  // In time of memory: a plug is as much as keeping it for even_ms.
  const priceOf = (end_ms: number, longer: number, kept_ms: number): number =>
    (longer + unknown_ms / (unknown_ms + end_ms)) * even_ms +
    (kept_ms + unknown_ms * Math.log1p(end_ms / unknown_ms));
  let best = { end_ms: 0, price: priceOf(0, rests.total, 0) };
  let [longer, kept_ms, from_ms] = [rests.total, 0, 0];
  const look = (end_ms: number): void => {
    const at = priceOf(end_ms, longer, kept_ms);
    if (at < best.price) best = { end_ms, price: at };
  };
  for (const [top_ms, count] of durationClasses(rests)) {
    // Between two ends nothing is spared: only where a class has rests can an end be the best.
    if (count === 0) continue;
    const end_ms = Math.min(top_ms, most_ms);
    kept_ms += longer * (end_ms - from_ms);
    if (top_ms <= most_ms) longer -= count;
    from_ms = end_ms;
    look(end_ms);
    if (top_ms >= most_ms) return best.end_ms;
  }
  // Beyond all that was seen only the unknown one is kept for; its best end is known.
  const last_ms = Math.max(from_ms, Math.min(most_ms, even_ms - unknown_ms));
  kept_ms += longer * (last_ms - from_ms);
  look(last_ms);
  return best.end_ms;
}

/**
 * What the named spans of a function came to, as plain data: opened and denied, and what they take
 * and took of the host. Pure.
 */
import type { NamedSpan } from './named-span.ts';
import type { Refusal } from './refusals.ts';

/** Since the function was deployed; open ones are those opened less those closed. */
export interface NamedSpanTally {
  readonly opened: number;
  readonly closed: number;
  /** What was asked for by those that are open. */
  readonly open_bytes: number;
  /** Refused, for whatever reason; one that nobody waited for any longer is none. */
  readonly denied: number;
  readonly last_denied: DeniedSpan | null;
  /** In their regions now: also what is coming for one, or on its way back. */
  readonly plugged_bytes: number;
  /** The same over time, until it was metered last. */
  readonly byte_ms: number;
  readonly metered_at_ms: number;
}

export interface DeniedSpan {
  readonly at_ms: number;
  readonly span: string;
  /** Of what stood in its way; where nothing did but a rule, that of the refusal. */
  readonly code: string;
}

export const NO_NAMED_SPANS: NamedSpanTally = {
  opened: 0,
  closed: 0,
  open_bytes: 0,
  denied: 0,
  last_denied: null,
  plugged_bytes: 0,
  byte_ms: 0,
  metered_at_ms: 0,
};

/** What of a VM is looked at. */
interface Parts {
  readonly regions: readonly {
    readonly of_spans?: boolean;
    readonly plugged_bytes: number;
    readonly named?: NamedSpan | null;
  }[];
}

type SpanSums = Readonly<Record<'opened' | 'closed' | 'open_bytes' | 'plugged_bytes', number>>;

/** What one step changed of the spans of a VM; null: nothing. No VM: there is none, or none yet. */
export function spansBetween(was: Parts | null, now: Parts | null): SpanSums | null {
  const regions = Math.max(spanRegions(was), spanRegions(now));
  if (regions === 0) return null;
  const sums = { opened: 0, closed: 0, open_bytes: 0, plugged_bytes: 0 };
  for (let index = 0; index < regions; index += 1) {
    const [before, after] = [was?.regions[index], now?.regions[index]];
    if (before === after || !(before ?? after)?.of_spans) continue;
    sums.plugged_bytes += (after?.plugged_bytes ?? 0) - (before?.plugged_bytes ?? 0);
    const [old, open] = [openIn(before), openIn(after)];
    if (old === open) continue;
    const is_same = old?.opened_at_ms === open?.opened_at_ms && old?.name === open?.name;
    if (old && !is_same) sums.closed += 1;
    if (open && !is_same) sums.opened += 1;
    sums.open_bytes += (open?.bytes ?? 0) - (old?.bytes ?? 0);
  }
  const { opened, closed, open_bytes, plugged_bytes } = sums;
  const is_nothing = opened === 0 && closed === 0 && open_bytes === 0 && plugged_bytes === 0;
  return is_nothing ? null : sums;
}

/** Regions that are to be gone through: they are the last, where there are any. */
const spanRegions = (vm: Parts | null): number =>
  vm?.regions[vm.regions.length - 1]?.of_spans ? vm.regions.length : 0;

const openIn = (region: Parts['regions'][number] | undefined): NamedSpan | null =>
  region?.named && region.named.opened_at_ms !== null ? region.named : null;

/** Metered until now, and other sums from now on. */
export function withSpans(tally: NamedSpanTally, more: SpanSums, now_ms: number): NamedSpanTally {
  return {
    ...tally,
    opened: tally.opened + more.opened,
    closed: tally.closed + more.closed,
    open_bytes: tally.open_bytes + more.open_bytes,
    plugged_bytes: tally.plugged_bytes + more.plugged_bytes,
    byte_ms: spanByteMsAt(tally, now_ms),
    metered_at_ms: now_ms,
  };
}

/** One more is refused. */
export function withDenied(
  tally: NamedSpanTally,
  span: string,
  { code, details }: Pick<Refusal, 'code' | 'details'>,
  at_ms: number,
): NamedSpanTally {
  const { cause } = details;
  const last_denied = { at_ms, span, code: typeof cause === 'string' ? cause : code };
  return { ...tally, denied: tally.denied + 1, last_denied };
}

/** What they have taken of the host until now (bytes times ms). */
export function spanByteMsAt(
  { plugged_bytes, byte_ms, metered_at_ms }: NamedSpanTally,
  now_ms: number,
): number {
  return byte_ms + plugged_bytes * Math.max(0, now_ms - metered_at_ms);
}

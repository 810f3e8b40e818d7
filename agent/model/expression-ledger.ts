/**
 * What became of a function's memory expression: each answer held against the peak that the guest's
 * kernel counted, and whether it is gone by. Bounded, plain JSON; an entry is never changed. Pure.
 */
import { formatBytes } from '../../base/units.ts';
import { percentile, Sample } from '../../base/statistics.ts';

/** One answer and what was measured. */
export interface CheckedCall {
  readonly at_ms: number;
  readonly cold: boolean;
  readonly inputs: Readonly<Record<string, number>>;
  readonly expected_bytes: number;
  /** The instance's peak. */
  readonly peak_bytes: number;
  /** Above 0: too much was expected. */
  readonly error_share: number;
  readonly is_wrong: boolean;
}

export interface ExpressionLedger {
  /** Calls it had an answer for, and none. */
  readonly answered: number;
  readonly unanswered: number;
  /** Why it had none, the last time; null: it always had. */
  readonly why_not: string | null;
  /** Answers held against a measured peak, those beyond the tolerance, and those below the peak. */
  readonly checked: number;
  readonly wrong: number;
  readonly below: number;
  /** The latest, oldest first. */
  readonly latest: readonly CheckedCall[];
  readonly worst: CheckedCall | null;
  /** Since when it is not gone by, and why; null: it is. */
  readonly distrusted: { readonly since_ms: number; readonly because: string } | null;
}

export const NO_CHECKS: ExpressionLedger = {
  answered: 0,
  unanswered: 0,
  why_not: null,
  checked: 0,
  wrong: 0,
  below: 0,
  latest: [],
  worst: null,
  distrusted: null,
};

/** K: of so many checked calls the latest ones decide. */
export const CHECKS_DECIDE = 5;
/** So many of them wrong, and history is gone by; all of them right, and the expression again. */
const WRONG_MOST = 2;
/** Entries that are kept: what `mux fit` has to go by. */
export const CHECKS_KEPT = 64;
/** What allocators and the kernel add or leave out whatever a call does: two blocks of 2 MiB. */
const SLACK_BYTES = 4 * 1024 * 1024;

/** What one call came to. */
export interface Measured {
  readonly at_ms: number;
  readonly cold: boolean;
  readonly inputs: Readonly<Record<string, number>>;
  readonly expected_bytes: number;
  /** Of the instance since its start, after the call and before it; 0: there was none before. */
  readonly peak_bytes: number;
  readonly before_bytes: number;
}

/**
 * The call as an entry; null: its peak is not known. An instance's peak never falls: one that did
 * not rise says only that the call took no more, which is enough where more was expected.
 */
export function checkedCall(measured: Measured, tolerance: number): CheckedCall | null {
  const { before_bytes, ...call } = measured;
  const { expected_bytes, peak_bytes } = call;
  if (peak_bytes <= 0) return null;
  const has_risen = peak_bytes > before_bytes;
  if (!has_risen && expected_bytes <= peak_bytes) return null;
  const error_bytes = expected_bytes - peak_bytes;
  const is_wrong = Math.abs(error_bytes) > SLACK_BYTES + tolerance * peak_bytes;
  // That less was taken than another call before it is no error of a size that holds both.
  if (!has_risen && !is_wrong) return null;
  return { ...call, error_share: error_bytes / peak_bytes, is_wrong };
}

/** The ledger with one more entry, trusted anew or no longer. */
export function withCheck(ledger: ExpressionLedger, call: CheckedCall): ExpressionLedger {
  const latest = [...ledger.latest.slice(1 - CHECKS_KEPT), call];
  const worst = ledger.worst;
  const is_worst = !worst || Math.abs(call.error_share) > Math.abs(worst.error_share);
  const seen = {
    ...ledger,
    checked: ledger.checked + 1,
    wrong: ledger.wrong + (call.is_wrong ? 1 : 0),
    below: ledger.below + (call.is_wrong && call.error_share < 0 ? 1 : 0),
    latest,
    worst: is_worst ? call : worst,
  };
  return { ...seen, distrusted: trustAfter(seen) };
}

function trustAfter({ latest, distrusted }: ExpressionLedger): ExpressionLedger['distrusted'] {
  const deciding = latest.slice(-CHECKS_DECIDE);
  const wrong = deciding.filter(({ is_wrong }) => is_wrong);
  const last = wrong.at(-1);
  if (!last) return deciding.length < CHECKS_DECIDE ? distrusted : null;
  if (distrusted || wrong.length <= WRONG_MOST) return distrusted;
  const because =
    `${wrong.length} of the last ${deciding.length} answers were wrong, ` +
    `${formatBytes(last.expected_bytes)} for a peak of ${formatBytes(last.peak_bytes)} the last`;
  return { since_ms: last.at_ms, because };
}

/** Half of the errors kept are no larger, as a share of the peak; null: nothing was checked. */
export function medianError({ latest }: ExpressionLedger): number | null {
  if (latest.length === 0) return null;
  return percentile(Sample.of(latest.map(({ error_share }) => Math.abs(error_share))), 0.5);
}

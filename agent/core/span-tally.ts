/**
 * The book of named spans, function by function: at the end of a step what it opened, closed and
 * moved is counted, and metered from then on; a refusal is counted where it is told.
 */
import type { Refusal } from '../model/refusals.ts';
import { NO_NAMED_SPANS, spansBetween, withDenied, withSpans } from '../model/span-tally.ts';
import type { FunctionState } from '../model/state.ts';
import { type Draft, editFunction } from './draft.ts';

/** Of the VMs that this step changed, whatever it was that changed them. */
export function meterNamedSpans(draft: Draft): void {
  const { rows, before } = draft.vms;
  for (let place = 0; place < rows.length; place += 1) {
    const [now, was] = [rows[place] ?? null, before[place] ?? null];
    const more = spansBetween(was, now);
    const name = (now ?? was)?.function;
    if (more === null || name === undefined) continue;
    const fn = editFunction(draft, name);
    if (fn) fn.named_spans = withSpans(fn.named_spans ?? NO_NAMED_SPANS, more, draft.now_ms);
  }
}

/** Its program is told that it does not get the span. */
export function noteDenied(
  { now_ms }: Draft,
  fn: FunctionState,
  span: string,
  failure: Refusal,
): void {
  fn.named_spans = withDenied(fn.named_spans ?? NO_NAMED_SPANS, span, failure, now_ms);
}

/** What Status tells of a function's named spans. Pure. */
import { GIB } from '../../base/units.ts';
import type { SpansStatus } from '../model/span-messages.ts';
import { NO_NAMED_SPANS, spanByteMsAt } from '../model/span-tally.ts';
import type { FunctionState, VmState } from '../model/state.ts';

/** Null: it can have none, and nobody ever asked for one. */
export function spansStatus(
  { spec, named_spans = null }: Pick<FunctionState, 'spec' | 'named_spans'>,
  vms: readonly VmState[],
  now_ms: number,
): SpansStatus | null {
  if (spec.spans.length === 0 && named_spans === null) return null;
  const tally = named_spans ?? NO_NAMED_SPANS;
  const { opened, closed, denied, last_denied, open_bytes, plugged_bytes } = tally;
  const waiting = vms
    .flatMap(({ regions }) => regions)
    .filter(({ named }) => named && named.opened_at_ms === null);
  return {
    opened,
    denied,
    open: opened - closed,
    waiting: waiting.length,
    open_bytes,
    plugged_bytes,
    held_gib_s: spanByteMsAt(tally, now_ms) / GIB / 1_000,
    last_denied_code: last_denied?.code ?? null,
    last_denied_span: last_denied?.span ?? null,
    last_denied_at_ms: last_denied?.at_ms ?? null,
  };
}

/**
 * Spans: what the guest says of a region in use is noted, what is plugged above its baseline is
 * metered, and whoever waits for memory that does not come is told so within a bound. Sizes are
 * decided in sizing.ts.
 */
import type { RegionUsage, ResizeOutcome } from '../model/events.ts';
import type { OperationState } from '../model/operations.ts';
import { REFUSALS, type Refusal } from '../model/refusals.ts';
import {
  aboveByteMs,
  CHANGES_KEPT,
  type SizeChange,
  type SpanState,
  type Want,
} from '../model/span.ts';
import { type FunctionSpec, growWaitMs, isElastic } from '../model/spec.ts';
import { mostBytesOf } from '../model/targets.ts';
import { type FunctionState, type RegionState, vmSpec, type VmState } from '../model/state.ts';
import { type Draft, editRegion, readOperation } from './draft.ts';
import { recordRefused } from './operations.ts';

/** The region gets a holder, whose memory begins with `baseline_bytes`. */
export function openSpan(
  draft: Draft,
  spec: FunctionSpec,
  region: RegionState,
  start: { readonly baseline_bytes: number; readonly because: string },
): void {
  if (!isElastic(spec)) return;
  region.span = {
    ...start,
    started_at_ms: draft.now_ms,
    free_tail_bytes: null,
    want: null,
    denied: null,
    metered_at_ms: draft.now_ms,
    changes: [],
  };
}

/** Its holder is gone, or is given up. */
export function closeSpan(draft: Draft, fn: FunctionState, region: RegionState): void {
  if (!region.span) return;
  meterSpan(draft, fn, region);
  setWant(draft, fn, region, 0);
  region.span = null;
}

/** Of regions in use alone: what a guest says of others, or of earlier holders, is of nobody. */
export function noteUsage(
  draft: Draft,
  fn: FunctionState,
  vm: VmState,
  usage: readonly RegionUsage[],
): void {
  for (const told of usage) {
    const found = vm.regions.find(({ id }) => id === told.region_id);
    if (!found || found.holder === null) continue;
    if (told.instance_id !== undefined && told.instance_id !== found.holder) continue;
    const region = editRegion(draft, vm, found.index);
    region.used_bytes = Math.max(0, told.used_bytes);
    if (!region.span) continue;
    region.span = { ...region.span, free_tail_bytes: told.free_tail_bytes ?? null };
    const wait_ms = growWaitMs(vmSpec(fn, vm));
    setWant(draft, fn, region, told.want_bytes ?? 0, { ...told, wait_ms });
  }
}

const NOT_TOLD = { wait_ms: 0 };

/** Somebody begins to wait, waits on, or waits no longer. */
function setWant(
  draft: Draft,
  fn: FunctionState,
  region: RegionState,
  bytes: number,
  told: Pick<RegionUsage, 'said_at_ms' | 'heard_at_ms'> & { readonly wait_ms: number } = NOT_TOLD,
): void {
  const { span } = region;
  if (!span || (bytes <= 0 && !span.want)) return;
  const now_ms = draft.now_ms;
  if (bytes > 0) {
    if (!span.want) {
      tally(fn, { waits: 1 });
      cutShrink(draft, region);
    }
    const deny_at_ms = now_ms + told.wait_ms;
    const { said_at_ms = null, heard_at_ms = null } = told;
    const heard = { since_ms: now_ms, said_at_ms, heard_at_ms };
    const begun: Want = span.want ?? { bytes, ...heard, deny_at_ms, why: null };
    region.span = { ...span, want: { ...begun, bytes } };
  } else if (span.want) {
    tally(fn, { waited_ms: now_ms - span.want.since_ms });
    region.span = { ...span, want: null };
  }
}

/** A shrink that the holder works against would keep him waiting until its deadline. */
function cutShrink(draft: Draft, { operation_id }: RegionState): void {
  const operation = operation_id === null ? undefined : readOperation(draft, operation_id);
  if (operation?.cause !== 'shrink') return;
  const { id, vm_id } = operation;
  draft.actions.push({ type: 'cut-shrink', vm_id, operation_id: id });
}

/** What is plugged above the baseline counts from the last time it was metered until now. */
export function meterSpan(draft: Draft, fn: FunctionState, region: RegionState): void {
  const { span } = region;
  if (!span) return;
  tally(fn, { above_byte_ms: aboveByteMs(span, region.plugged_bytes, draft.now_ms) });
  region.span = { ...span, metered_at_ms: draft.now_ms };
}

/** Adds to what the function's spans came to. */
function tally(fn: FunctionState, more: Partial<FunctionState['elastic'] & object>): void {
  if (!fn.elastic) return;
  const sum: Record<string, number> = { ...fn.elastic };
  for (const [name, by] of Object.entries(more)) sum[name] = (sum[name] ?? 0) + by;
  fn.elastic = { ...fn.elastic, ...sum };
}

/** Before the result is booked: meters what was there, and remembers what became of it. */
export function spanResized(
  draft: Draft,
  fn: FunctionState,
  region: RegionState,
  { operation, result }: { readonly operation: OperationState; readonly result: ResizeOutcome },
): void {
  const { cause, from_bytes, to_bytes, decided_at_ms } = operation;
  if (!region.span || (cause !== 'start' && cause !== 'grow' && cause !== 'shrink')) return;
  meterSpan(draft, fn, region);
  const { outcome, plugged_bytes, error_code, reason } = result;
  if (outcome === 'done' && cause === 'grow') tally(fn, { growths: 1 });
  if (outcome === 'done' && cause === 'shrink') tally(fn, { shrinks: 1 });
  const why = outcome === 'done' ? null : (reason ?? error_code ?? outcome);
  remember(draft, region, {
    cause,
    decided_at_ms,
    from_bytes,
    to_bytes,
    plugged_bytes,
    outcome,
    reason: why,
  });
  if (cause !== 'grow') return;
  // Who needs still more says so again: what was said before is answered.
  if (outcome === 'done') setWant(draft, fn, region, 0);
  else {
    noteUnmet(region, REFUSALS.growthFailed(to_bytes, plugged_bytes, error_code, why));
  }
}

/** A growth that was refused before it was sent. */
export function spanRefused(
  draft: Draft,
  region: RegionState,
  to_bytes: number,
  failure: Refusal,
): void {
  const { plugged_bytes } = region;
  remember(draft, region, {
    cause: 'grow',
    decided_at_ms: draft.now_ms,
    from_bytes: plugged_bytes,
    to_bytes,
    plugged_bytes,
    outcome: 'refused',
    reason: failure.message,
  });
  noteUnmet(region, failure);
}

function remember(
  draft: Draft,
  region: RegionState,
  change: Omit<SizeChange, 'ended_at_ms' | 'wanted_at_ms'>,
): void {
  const { span } = region;
  if (!span) return;
  const wanted_at_ms = change.cause === 'grow' ? (span.want?.since_ms ?? null) : null;
  const entry = { ...change, ended_at_ms: draft.now_ms, wanted_at_ms };
  region.span = { ...span, changes: [...span.changes.slice(1 - CHANGES_KEPT), entry] };
}

function noteUnmet(region: RegionState, why: Refusal): void {
  const { span } = region;
  if (span?.want) region.span = { ...span, want: { ...span.want, why } };
}

/**
 * Tells guests of waits that are over: at once where it is all there can be, else when the
 * function's bound has passed, whatever is under way. When the next of them is over; null: none.
 */
export function denyWaits(draft: Draft, fn: FunctionState, vm: VmState): number | null {
  let next_ms: number | null = null;
  const spec = vmSpec(fn, vm);
  if (!isElastic(spec)) return next_ms;
  for (const { index, span, operation_id, plugged_bytes } of vm.regions) {
    if (!span?.want) continue;
    const max_bytes = mostBytesOf(spec, fn.targets);
    const is_all = plugged_bytes >= max_bytes && operation_id === null && !span.want.why;
    if (is_all || span.want.deny_at_ms <= draft.now_ms) {
      deny(draft, fn, vm, editRegion(draft, vm, index), is_all);
    }
    const due_ms = vm.regions[index]?.span?.want?.deny_at_ms ?? null;
    if (due_ms !== null && (next_ms === null || due_ms < next_ms)) next_ms = due_ms;
  }
  return next_ms;
}

/** Who goes on waiting, or says so, is told again only after a further bound. */
function deny(
  draft: Draft,
  fn: FunctionState,
  vm: VmState,
  region: RegionState,
  is_all: boolean,
): void {
  const { span, plugged_bytes, holder } = region;
  if (!span?.want || holder === null) return;
  const { bytes, since_ms, why } = span.want;
  const waited_ms = draft.now_ms - since_ms;
  const spec = vmSpec(fn, vm);
  const max_bytes = mostBytesOf(spec, fn.targets);
  const about = { want_bytes: bytes, plugged_bytes, max_bytes, waited_ms };
  const cause = is_all ? REFUSALS.growthBeyond(max_bytes) : why;
  const failure = REFUSALS.growthDenied(holder, about, cause);
  const deny_at_ms = draft.now_ms + growWaitMs(spec);
  const want = { ...span.want, deny_at_ms, why: cause };
  region.span = { ...span, want, denied: failure } satisfies SpanState;
  tally(fn, { denied: 1 });
  const to_bytes = plugged_bytes + bytes;
  recordRefused(draft, { fn, vm, region, cause: 'grow', to_bytes, instance: null }, failure);
  draft.actions.push({
    type: 'deny-growth',
    vm_id: vm.id,
    region_id: region.id,
    instance_id: holder,
    failure,
  });
}

/** The spans of a VM that is given up end with it. */
export function closeSpans(draft: Draft, fn: FunctionState, vm: VmState): void {
  for (const { index, span } of vm.regions) {
    if (span) closeSpan(draft, fn, editRegion(draft, vm, index));
  }
}

/**
 * The pool's book: what stands ready on each rung is metered at the end of a step, whoever looks
 * there is counted, and what others needed is not made ready again at once.
 */
import { readyChange, standsOn, withBytes, withLook, withWant } from '../model/pool.ts';
import { type IdleRests, withIdleEnd, withMiss, withReuse } from '../model/idle-rests.ts';
import type {
  FunctionState,
  InstanceState,
  QueuedInvocation,
  RegionState,
  VmState,
} from '../model/state.ts';
import { type Draft, editFunction } from './draft.ts';
import { preparesAhead } from './prepare.ts';
import { pressedTo } from './pressed.ts';

/** A call got its instance; a hit where it came in this very step. */
export function noteCallServed(
  { arrived, now_ms }: Draft,
  fn: FunctionState,
  { idle_since_ms }: Pick<InstanceState, 'idle_since_ms'>,
  { sequence, returns }: Pick<QueuedInvocation, 'sequence' | 'returns'>,
): void {
  // Counted when it got the first one.
  if (returns !== undefined) return;
  const is_hit = arrived?.sequence === sequence;
  fn.pool = withLook(fn.pool, 'warm', is_hit, now_ms);
  if (is_hit) noteRests(fn, (rests) => withReuse(rests, now_ms - idle_since_ms));
}

/** Only a price asks for it: calls of other functions are not made to pay. */
function noteRests(fn: FunctionState, more: (rests: IdleRests) => IdleRests): void {
  if ((fn.spec.pool?.worth_gib_s ?? null) === null) return;
  fn.pace = { ...fn.pace, idle_rests: more(fn.pace.idle_rests) };
}

/** An idle instance ends, by its policy or for others. */
export function noteIdleEnd(
  fn: FunctionState,
  { idle_since_ms }: Pick<InstanceState, 'idle_since_ms'>,
): void {
  noteRests(fn, (rests) => withIdleEnd(rests, idle_since_ms));
}

/** An instance is started for somebody who found none idle. */
export function noteColdStart({ now_ms }: Draft, fn: FunctionState): void {
  noteRests(fn, (rests) => withMiss(rests, now_ms));
}

/**
 * A start that somebody waits for got its region: a hit of `plugged` where all of it was there, and
 * of `populated` where that was ready, too.
 */
export function noteStartPlaced(
  { config, now_ms }: Draft,
  fn: FunctionState,
  vm: VmState,
  parts: readonly { readonly region: Readonly<RegionState>; readonly to_bytes: number }[],
): void {
  const is_plugged = parts.every(({ region, to_bytes }) => region.plugged_bytes >= to_bytes);
  fn.pool = withLook(fn.pool, 'plugged', is_plugged, now_ms);
  if (!preparesAhead(config, fn, vm)) return;
  const is_populated = is_plugged && parts.every(({ region }) => standsOn(region) === 'populated');
  fn.pool = withLook(fn.pool, 'populated', is_populated, now_ms);
}

/** How many are to stand ready, as the policy and targets have it; null: nobody said. */
export function noteWants(
  fn: FunctionState,
  wants: Readonly<Record<'plugged' | 'warm', number | null>>,
): void {
  const { plugged, warm } = fn.pool;
  if (plugged.want === wants.plugged && warm.want === wants.warm) return;
  fn.pool = withWant(withWant(fn.pool, 'plugged', wants.plugged), 'warm', wants.warm);
}

/** Others need memory that stood ready: for a while none is made so. */
export function restPool({ now_ms, config }: Draft, fn: FunctionState): void {
  fn.pool_rest_until_ms = now_ms + config.pool_rest_ms;
}

/** Whether nothing may be made ready now: somebody waits for memory, or waited a moment ago. */
export function isPoolShut(draft: Draft, { pool_rest_until_ms }: FunctionState): boolean {
  if ((pool_rest_until_ms ?? 0) > draft.now_ms) return true;
  return draft.short.length > 0 || pressedTo(draft, 'pool') !== null;
}

/** What stands ready in the VMs that this step changed is metered from now on. */
export function meterPools(draft: Draft): void {
  const { rows, before } = draft.vms;
  for (let place = 0; place < rows.length; place += 1) {
    const [now, then] = [rows[place] ?? null, before[place] ?? null];
    const name = (now ?? then)?.function;
    const more = readyChange(then, now);
    if (name === undefined || more === null) continue;
    const fn = editFunction(draft, name);
    if (fn) fn.pool = withBytes(fn.pool, more, draft.now_ms);
  }
}

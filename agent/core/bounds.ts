/**
 * A function's own bounds of instances: whatever a policy answers, there are never more than the
 * most, and the least are kept, as far as there are regions and memory. Pure.
 */
import type { FunctionState } from '../model/state.ts';
import { type Draft, vmsOf } from './draft.ts';
import type { Scale } from './policy.ts';
import { earlier } from './wakes.ts';

/** The policy's answer, cut down or added to. */
export function bounded(draft: Draft, fn: FunctionState, scale: Scale): Scale {
  const { instances } = fn.spec;
  if (instances === null) return scale;
  const there = vmsOf(draft, fn).flatMap((vm) => vm.instances);
  const live = there.filter(({ phase }) => phase !== 'stopping').length;
  // One that ends has its memory still.
  const room = Math.max(0, (instances.max ?? Number.POSITIVE_INFINITY) - there.length);
  const stops = scale.stops.slice(0, Math.max(0, live - instances.min));
  const wanted = Math.max(0, instances.min - live);
  const starts = Math.min(room, Math.max(scale.starts, mayStart(draft, fn) ? wanted : 0));
  const again_ms = wanted > 0 ? draft.now_ms + draft.config.start_again_ms : null;
  return {
    ...scale,
    starts,
    stops,
    launches: room > 0 ? scale.launches : 0,
    wake_at_ms: earlier(scale.wake_at_ms, again_ms),
  };
}

/** Without a caller nothing is started while somebody drains, nor at once after a failure. */
function mayStart({ now_ms, config }: Draft, { waiters, last_failure }: FunctionState): boolean {
  if (waiters.drain.length > 0) return false;
  return last_failure === null || now_ms - last_failure.at_ms >= config.start_again_ms;
}

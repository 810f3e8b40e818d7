/**
 * A function's own bounds of instances: whatever a policy answers, there are never more than the
 * most, and the least are kept, as far as there are regions and memory. Targets go before what the
 * definition says. Pure.
 */
import type { FunctionState } from '../model/state.ts';
import { instanceBounds } from '../model/targets.ts';
import { freeRegions, launchesFor, launchesForAll } from './default-policy/scale.ts';
import { type Draft, vmsOf } from './draft.ts';
import { isPoolShut, noteWants } from './pool.ts';
import type { FunctionView, Scale } from './policy.ts';
import { earlier } from './wakes.ts';

interface Counted {
  /** Those that end included. */
  readonly there: number;
  readonly live: number;
  readonly starting: number;
  /** The longest idle first. */
  readonly idle: Scale['stops'];
}

function count(vms: FunctionView['vms']): Counted {
  let [there, live, starting] = [0, 0, 0];
  const idle: { vm_id: string; instance_id: string; since_ms: number }[] = [];
  for (const { id: vm_id, instances } of vms) {
    for (const { id: instance_id, phase, idle_since_ms: since_ms } of instances) {
      there += 1;
      if (phase !== 'stopping') live += 1;
      if (phase === 'starting') starting += 1;
      if (phase === 'idle') idle.push({ vm_id, instance_id, since_ms });
    }
  }
  idle.sort((a, b) => a.since_ms - b.since_ms);
  return { there, live, starting, idle };
}

/** What is left of a policy's answer, and what was added to it. */
interface BoundedScale {
  readonly scale: Scale;
  /** Starts that make sure of the least, those that others asked for counted. */
  readonly kept: number;
}

/** The policy's answer, cut down or added to. */
export function bounded(draft: Draft, fn: FunctionState, scale: Scale): BoundedScale {
  const ahead = isPoolShut(draft, fn) ? 0 : (scale.warm ?? 0);
  if (ahead === 0 && !fn.targets && !fn.spec.instances) {
    noteWants(fn, { plugged: Math.max(0, scale.plugged), warm: scale.warm ?? null });
    return { scale, kept: 0 };
  }
  const vms = vmsOf(draft, fn);
  const { min, max, warm } = instanceBounds(fn.spec, fn.targets);
  const { there, live, starting, idle } = count(vms);
  // One that ends has its memory still.
  const room = Math.max(0, max - there);
  const above = Math.max(0, live - max);
  const spare = Math.max(above, Math.min(live - min, idle.length - warm), 0);
  const stops = scale.stops.length >= above ? scale.stops : idle.slice(0, above);
  const ready = idle.length + Math.max(0, starting - fn.queue.length);
  const wanted = Math.max(0, min - live, warm - ready);
  const may = mayStart(draft, fn);
  const kept = Math.min(room, may ? wanted : 0);
  // Who waits comes first, and what is ready ahead of calls needs a region that is free.
  const early = may && scale.starts <= 0 ? Math.min(ahead - ready, freeRegions(vms)) : 0;
  const starts = Math.min(room, Math.max(scale.starts, kept, early));
  const view = { vms, spec: fn.spec };
  // What is to be kept is known at once; what callers want more, VM by VM.
  const for_all = Math.max(launchesFor(view, starts), launchesForAll(view, kept));
  const launches = Math.max(scale.launches, for_all);
  const plugged = Math.max(scale.plugged, fn.targets?.values.reserve ?? 0);
  noteWants(fn, { plugged, warm: warm > 0 ? Math.max(warm, ahead) : (scale.warm ?? null) });
  const again_ms = wanted > 0 || ahead > ready ? draft.now_ms + draft.config.start_again_ms : null;
  const within: Scale = {
    ...scale,
    starts,
    stops: stops.slice(0, spare),
    // A VM for more than may start would hold its boot memory for nobody.
    launches: room > freeRegions(vms) ? launches : 0,
    plugged,
    wake_at_ms: earlier(scale.wake_at_ms, again_ms),
  };
  return { scale: within, kept };
}

/** Without a caller nothing is started while somebody drains, nor at once after a failure. */
function mayStart({ now_ms, config }: Draft, { waiters, last_failure }: FunctionState): boolean {
  if (waiters.drain.length > 0) return false;
  return last_failure === null || now_ms - last_failure.at_ms >= config.start_again_ms;
}

/** So many of its idle instances may end. */
export function spareIdle(draft: Draft, fn: FunctionState): number {
  const { min, warm } = instanceBounds(fn.spec, fn.targets);
  if (min === 0 && warm === 0) return Number.POSITIVE_INFINITY;
  const { live, idle } = count(vmsOf(draft, fn));
  return Math.max(0, Math.min(live - min, idle.length - warm));
}

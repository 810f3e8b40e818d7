/**
 * Sliding-window ageing with its second half: an instance whose bucket is active no more ends, and
 * its region stays plugged, one rung further down, for so many buckets more; then it expires.
 * InfiniStore (Zhang et al., VLDB 2023) keeps 6 active buckets of 10 minutes and 18 degraded ones,
 * there in slower memory. The region is emptied between, so that nothing of the instance is left.
 * Which region a later start takes is not the policy's choice: it takes the place that was degraded
 * last. Where regions share a device none stays. Pure.
 */
import type { FunctionView, Policy, Scale, SpecOf } from '../../agent/core/policy.ts';
import type { HostEvent } from '../../agent/model/events.ts';
import { isOfVersion, withoutFunction } from './memory-version.ts';
import { SLIDING_WINDOW_POLICY } from './sliding-window.ts';
import { DEGRADED_BUCKETS, leavesAtMs } from './window.ts';

/** Of what is remembered; another version begins anew. */
const VERSION = 1;

interface DegradedMemory {
  readonly version: typeof VERSION;
  /** When each degraded region of a function expires, the earliest first. */
  readonly functions: Readonly<Record<string, readonly number[]>>;
}

const NOTHING: DegradedMemory = { version: VERSION, functions: {} };
const isMemory = (memory: unknown): memory is DegradedMemory => isOfVersion(memory, VERSION);

/** When what is degraded at this moment expires. */
export const degradedUntilMs = (now_ms: number): number => leavesAtMs(now_ms, DEGRADED_BUCKETS);

export const DEGRADED_WINDOW_POLICY: Policy = {
  ...SLIDING_WINDOW_POLICY,
  name: 'degraded-window',
  scale: scaleWithDegraded,
  learn: (before, event, now_ms, specOf) => {
    const memory = isMemory(before) ? before : NOTHING;
    if (event.type === 'remove') return withoutFunction(memory, event.function);
    return changed(memory, event, now_ms, specOf);
  },
};

function changed(
  memory: DegradedMemory,
  event: HostEvent,
  now_ms: number,
  specOf: SpecOf,
): DegradedMemory {
  if (event.type === 'vm-failed') {
    // Its regions are gone with it.
    const name = specOf(event.vm_id)?.name;
    return name === undefined ? memory : withoutFunction(memory, name);
  }
  if (event.type !== 'instance-stopped' && event.type !== 'instance-started') return memory;
  const spec = specOf(event.vm_id);
  if (!spec) return memory;
  const known = (memory.functions[spec.name] ?? []).filter((until_ms) => until_ms > now_ms);
  const next =
    event.type === 'instance-started'
      ? known.slice(0, -1)
      : [...known, degradedUntilMs(now_ms)].slice(-spec.concurrency * spec.max_vms);
  return { ...memory, functions: { ...memory.functions, [spec.name]: next } };
}

function scaleWithDegraded(view: FunctionView): Scale {
  const base = SLIDING_WINDOW_POLICY.scale(view);
  const memory = isMemory(view.memory) ? view.memory : NOTHING;
  const known = memory.functions[view.spec.name] ?? [];
  const degraded = known.filter((until_ms) => until_ms > view.now_ms);
  const [next_ms] = degraded;
  if (next_ms === undefined) return base;
  const wake_at_ms = Math.min(base.wake_at_ms ?? Number.POSITIVE_INFINITY, next_ms);
  return { ...base, plugged: degraded.length, wake_at_ms };
}

/**
 * Knative's autoscaler as a policy of the agent's core: numbers, not idle times, decide. What waits
 * beyond them waits for the next decision, two seconds later at most. The rules are in
 * knative-windows.ts. Pure.
 */
import { DEFAULT_POLICY } from '../../agent/core/default-policy/policy.ts';
import type { FunctionView, Policy, Scale, SpecOf } from '../../agent/core/policy.ts';
import type { HostEvent } from '../../agent/model/events.ts';
import {
  arrive,
  copyOfWindows,
  type KnativeWindows,
  newWindows,
  nextTick,
  observe,
  wantedOf,
} from './knative-windows.ts';
import { isOfVersion, withoutFunction } from './memory-version.ts';

/** Of what is remembered; another version begins anew. */
const VERSION = 1;

interface KnativeMemory {
  readonly version: typeof VERSION;
  readonly functions: Readonly<Record<string, KnativeWindows>>;
}

const NOTHING: KnativeMemory = { version: VERSION, functions: {} };
const isMemory = (memory: unknown): memory is KnativeMemory => isOfVersion(memory, VERSION);

export const KNATIVE_POLICY: Policy = {
  ...DEFAULT_POLICY,
  name: 'knative',
  scale: scaleByNumbers,
  learn: (before, event, now_ms, specOf, countsOf) => {
    const memory = isMemory(before) ? before : NOTHING;
    if (event.type === 'remove') return withoutFunction(memory, event.function);
    const names = namesOf(event, memory, now_ms, specOf);
    if (names.length === 0) return memory;
    const functions = { ...memory.functions };
    for (const name of names) {
      const windows = copyOfWindows(functions[name] ?? newWindows());
      observe(windows, now_ms, countsOf(name));
      if (event.type === 'invoke') arrive(windows, now_ms);
      functions[name] = windows;
    }
    return { ...memory, functions };
  },
};

/** Whose number of invocations changes with the event, or whose tick has passed. */
function namesOf(
  event: HostEvent,
  { functions }: KnativeMemory,
  now_ms: number,
  specOf: SpecOf,
): readonly string[] {
  switch (event.type) {
    case 'invoke':
      return [event.function];
    case 'invocation-finished':
    case 'invocation-failed': {
      const name = specOf(event.vm_id)?.name;
      return name === undefined ? [] : [name];
    }
    case 'tick':
      return Object.keys(functions).filter((name) => {
        return (nextTick(functions[name]) ?? Number.POSITIVE_INFINITY) <= now_ms;
      });
    default:
      return [];
  }
}

function scaleByNumbers(view: FunctionView): Scale {
  const base = DEFAULT_POLICY.scale(view);
  const memory = isMemory(view.memory) ? view.memory : NOTHING;
  const known = memory.functions[view.spec.name];
  const idle: { vm_id: string; instance_id: string; since_ms: number }[] = [];
  let alive = 0;
  for (const { id: vm_id, instances } of view.vms) {
    for (const { id: instance_id, phase, idle_since_ms: since_ms } of instances) {
      if (phase !== 'stopping') alive += 1;
      if (phase === 'idle') idle.push({ vm_id, instance_id, since_ms });
    }
  }
  idle.sort((a, b) => a.since_ms - b.since_ms);
  const wanted = wantedOf(known, view.queued);
  const starts = Math.max(0, wanted - alive);
  const stops = idle.slice(0, Math.max(0, alive - wanted));
  const tick_ms = nextTick(known);
  const quiet_ms = view.spec.max_vms > 1 ? base.wake_at_ms : null;
  const wake_at_ms =
    tick_ms === null || quiet_ms === null ? (tick_ms ?? quiet_ms) : Math.min(tick_ms, quiet_ms);
  return { ...base, starts, stops, wake_at_ms };
}

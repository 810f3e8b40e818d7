/**
 * Hybrid histogram as a policy of the agent's core: what it remembers of each function, and which
 * instances are started ahead and stopped. The rules are in hybrid-histogram.ts. Pure.
 */
import { DEFAULT_POLICY } from '../../agent/core/default-policy/policy.ts';
import type {
  CountsOf,
  FunctionView,
  InstanceView,
  Policy,
  Scale,
  SpecOf,
} from '../../agent/core/policy.ts';
import type { HostEvent } from '../../agent/model/events.ts';
import {
  binOf,
  HISTOGRAM_BINS,
  type IdleTimes,
  NO_IDLE_TIMES,
  noteIdleTime,
  STANDARD_WINDOWS,
  type Windows,
  windowsOf,
} from './hybrid-histogram.ts';
import { isOfVersion, withoutFunction } from './memory-version.ts';

/** Of what is remembered; another version begins anew. */
const VERSION = 1;

interface FunctionMemory {
  readonly times: IdleTimes;
  readonly bins: readonly number[];
  readonly windows: Windows;
  readonly last_end_ms: number | null;
}

export interface HybridMemory {
  readonly version: typeof VERSION;
  readonly functions: Readonly<Record<string, FunctionMemory>>;
}

const isMemory = (memory: unknown): memory is HybridMemory => isOfVersion(memory, VERSION);
const NOTHING: HybridMemory = { version: VERSION, functions: {} };
const NEW_FUNCTION: FunctionMemory = {
  times: NO_IDLE_TIMES,
  bins: [],
  windows: STANDARD_WINDOWS,
  last_end_ms: null,
};

export const HYBRID_HISTOGRAM_POLICY: Policy = {
  ...DEFAULT_POLICY,
  name: 'hybrid-histogram',
  scale: scaleByHistogram,
  learn: learnIdleTimes,
};

function learnIdleTimes(
  before: unknown,
  event: HostEvent,
  now_ms: number,
  specOf: SpecOf,
  countsOf: CountsOf,
): HybridMemory {
  const memory = isMemory(before) ? before : NOTHING;
  if (event.type === 'remove') return withoutFunction(memory, event.function);
  if (event.type === 'invoke') return noteArrival(memory, event.function, now_ms, countsOf);
  if (event.type !== 'invocation-finished' && event.type !== 'invocation-failed') return memory;
  const name = specOf(event.vm_id)?.name;
  if (name === undefined) return memory;
  const known = memory.functions[name] ?? NEW_FUNCTION;
  return withFunction(memory, name, { ...known, last_end_ms: now_ms });
}

function noteArrival(
  memory: HybridMemory,
  name: string,
  now_ms: number,
  countsOf: CountsOf,
): HybridMemory {
  const known = memory.functions[name] ?? NEW_FUNCTION;
  const is_working = countsOf(name).concurrent > 0;
  if (!is_working && known.last_end_ms === null) return memory;
  const idle_ms = is_working ? 0 : now_ms - (known.last_end_ms ?? now_ms);
  const bin = binOf(idle_ms);
  const in_bin = bin === null ? 0 : (known.bins[bin] ?? 0);
  const times = noteIdleTime(known.times, idle_ms, in_bin);
  const bins =
    known.bins.length === 0 ? Array.from({ length: HISTOGRAM_BINS }, () => 0) : known.bins;
  const next = bin === null ? bins : bins.with(bin, in_bin + 1);
  return withFunction(memory, name, {
    ...known,
    times,
    bins: next,
    windows: windowsOf(times, next),
  });
}

function withFunction(memory: HybridMemory, name: string, known: FunctionMemory): HybridMemory {
  return { ...memory, functions: { ...memory.functions, [name]: known } };
}

/** One start for each that waits; ahead of the next invocation one more, where none is there. */
function scaleByHistogram(view: FunctionView): Scale {
  const base = DEFAULT_POLICY.scale(view);
  const memory = isMemory(view.memory) ? view.memory : NOTHING;
  const known = memory.functions[view.spec.name] ?? NEW_FUNCTION;
  const { prewarm_ms, keep_alive_ms } = known.windows;
  const from_ms = (known.last_end_ms ?? view.now_ms) + prewarm_ms;
  const end_ms = from_ms + keep_alive_ms;
  const dueOf = ({ idle_since_ms, invocations }: InstanceView): number => {
    if (prewarm_ms <= 0) return idle_since_ms + keep_alive_ms;
    return invocations > 0 ? view.now_ms : end_ms;
  };
  const stops: { vm_id: string; instance_id: string }[] = [];
  let wake_at_ms = view.spec.max_vms > 1 ? base.wake_at_ms : null;
  const wake = (at_ms: number): void => {
    if (wake_at_ms === null || at_ms < wake_at_ms) wake_at_ms = at_ms;
  };
  let alive = 0;
  for (const { id, instances } of view.vms) {
    for (const instance of instances) {
      if (instance.phase === 'stopping') continue;
      const due_ms = instance.phase === 'idle' ? dueOf(instance) : Number.POSITIVE_INFINITY;
      if (due_ms <= view.now_ms) stops.push({ vm_id: id, instance_id: instance.id });
      else alive += 1;
      if (due_ms > view.now_ms && due_ms < Number.POSITIVE_INFINITY) wake(due_ms);
    }
  }
  const unloads = prewarm_ms > 0 && known.last_end_ms !== null;
  const is_there = alive + stops.length + base.starts > 0;
  const is_due = unloads && !is_there && view.now_ms >= from_ms && view.now_ms < end_ms;
  if (unloads && alive + base.starts === 0 && from_ms > view.now_ms) wake(from_ms);
  return { ...base, starts: is_due ? 1 : base.starts, stops, wake_at_ms };
}

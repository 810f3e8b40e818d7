/**
 * Policies under which nothing ends by time: idle instances stay until others lack memory, and then
 * those give way that are worth least (greedy-dual), or that are idle longest. Pure.
 */
import { DEFAULT_POLICY } from '../../agent/core/default-policy/policy.ts';
import type { FunctionView, Policy, Scale, SpecOf, Yielding } from '../../agent/core/policy.ts';
import type { HostEvent } from '../../agent/model/events.ts';
import { priorityOf, startCostMs } from './greedy-dual-rules.ts';
import { isOfVersion, withoutFunction } from './memory-version.ts';

/** Of what is remembered; another version begins anew. */
const VERSION = 1;

interface FunctionWorth {
  /** Invocations since nothing of it was left. */
  readonly uses: number;
  /** What its last start took. */
  readonly start_ms: number;
}

/** Of an instance, as it was when it became idle. */
interface InstanceWorth extends FunctionWorth {
  readonly clock: number;
}

export interface GreedyDualMemory {
  readonly version: typeof VERSION;
  readonly clock: number;
  readonly functions: Readonly<Record<string, FunctionWorth>>;
  readonly instances: Readonly<Record<string, InstanceWorth>>;
}

const NOTHING: GreedyDualMemory = { version: VERSION, clock: 0, functions: {}, instances: {} };
const NEW_FUNCTION: FunctionWorth = { uses: 0, start_ms: 0 };
const isMemory = (memory: unknown): memory is GreedyDualMemory => isOfVersion(memory, VERSION);
const memoryOf = (memory: unknown): GreedyDualMemory => (isMemory(memory) ? memory : NOTHING);

const keyOf = ({ vm_id, instance_id }: { vm_id: string; instance_id: string }): string =>
  `${vm_id}/${instance_id}`;

/** The one idle longest gives way, as the core has it where a policy says nothing. */
export const LEAST_RECENTLY_USED_POLICY: Policy = {
  ...DEFAULT_POLICY,
  name: 'least-recently-used',
  scale: scaleWithoutStops,
};

export const GREEDY_DUAL_POLICY: Policy = {
  ...DEFAULT_POLICY,
  name: 'greedy-dual',
  scale: scaleWithoutStops,
  giveWay: (idle, { memory }) => leastWorthFirst(idle, memoryOf(memory)),
  gaveWay: (before, one, left) => noteGone(memoryOf(before), one, left),
  learn: (before, event, _, specOf) => learnWorth(memoryOf(before), event, specOf),
};

/** VMs beyond the first end as they do by default. */
function scaleWithoutStops(view: FunctionView): Scale {
  const base = DEFAULT_POLICY.scale(view);
  return { ...base, stops: [], wake_at_ms: view.spec.max_vms > 1 ? base.wake_at_ms : null };
}

function worthOf({ clock, instances, functions }: GreedyDualMemory, one: Yielding): number {
  const known = instances[keyOf(one)];
  const { uses, start_ms } = known ?? functions[one.function] ?? NEW_FUNCTION;
  return priorityOf(known?.clock ?? clock, { uses, start_ms, bytes: Math.max(1, one.bytes) });
}

/** Equals in their order, the longest idle first. */
function leastWorthFirst(idle: readonly Yielding[], memory: GreedyDualMemory): Yielding[] {
  return idle
    .map((one) => ({ one, worth: worthOf(memory, one) }))
    .toSorted((a, b) => a.worth - b.worth)
    .map(({ one }) => one);
}

function noteGone(memory: GreedyDualMemory, one: Yielding, left: number): GreedyDualMemory {
  const clock = Math.max(memory.clock, worthOf(memory, one));
  const { [keyOf(one)]: _, ...instances } = memory.instances;
  const known = memory.functions[one.function];
  if (left > 0 || !known) return { ...memory, clock, instances };
  const functions = { ...memory.functions, [one.function]: { ...known, uses: 0 } };
  return { ...memory, clock, instances, functions };
}

function learnWorth(memory: GreedyDualMemory, event: HostEvent, specOf: SpecOf): GreedyDualMemory {
  switch (event.type) {
    case 'invoke': {
      const known = memory.functions[event.function] ?? NEW_FUNCTION;
      return withFunction(memory, event.function, { ...known, uses: known.uses + 1 });
    }
    case 'instance-started': {
      const name = specOf(event.vm_id)?.name;
      if (name === undefined) return memory;
      const { created_at_ms, ready_at_ms } = event.stamps;
      const start_ms = startCostMs(Math.max(0, ready_at_ms - created_at_ms));
      const known = { ...(memory.functions[name] ?? NEW_FUNCTION), start_ms };
      return idleNow(withFunction(memory, name, known), keyOf(event), known);
    }
    case 'invocation-finished': {
      const known = memory.functions[specOf(event.vm_id)?.name ?? ''];
      return known ? idleNow(memory, keyOf(event), known) : memory;
    }
    case 'instance-stopped': {
      const { [keyOf(event)]: _, ...instances } = memory.instances;
      return { ...memory, instances };
    }
    case 'vm-gone':
    case 'vm-failed': {
      const others = Object.entries(memory.instances).filter(
        ([key]) => !key.startsWith(`${event.vm_id}/`),
      );
      return { ...memory, instances: Object.fromEntries(others) };
    }
    case 'remove':
      return withoutFunction(memory, event.function);
    default:
      return memory;
  }
}

function withFunction(
  memory: GreedyDualMemory,
  name: string,
  known: FunctionWorth,
): GreedyDualMemory {
  return { ...memory, functions: { ...memory.functions, [name]: known } };
}

function idleNow(memory: GreedyDualMemory, id: string, known: FunctionWorth): GreedyDualMemory {
  const instances = { ...memory.instances, [id]: { ...known, clock: memory.clock } };
  return { ...memory, instances };
}

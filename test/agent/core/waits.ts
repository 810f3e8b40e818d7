/** What must hold of waits for memory, reckoned apart from the core. */
import type { Action } from '../../../agent/model/actions.ts';
import { kindOf } from '../../../agent/model/operations.ts';
import type { HostState, Shortage } from '../../../agent/model/state.ts';
import { type Tier, tierOf } from '../../../agent/model/tiers.ts';
import { hasFar } from './tiered.ts';

/** Throws where a step breaks a promise about who waits for memory, for how long, and for what. */
export function checkWaits(
  before: HostState,
  after: HostState,
  actions: readonly Action[],
  now: { readonly now_ms: number; readonly wake_ms: number | null },
): void {
  checkOrder(after);
  for (const { spec, short, queue, phase } of after.functions.values()) {
    if (!short) continue;
    if (phase !== 'serving' || queue.length === 0) throw new Error(`${spec.name} waits for nobody`);
    const due_ms = dueMs(after, short);
    if (due_ms <= now.now_ms && (now.wake_ms ?? Infinity) > now.now_ms) {
      throw new Error(`${spec.name} waits for memory since ${short.since_ms}, beyond its bound`);
    }
  }
  for (const name of after.short) {
    const { tier = 'host' } = after.functions.get(name)?.short ?? {};
    if (!isSomethingComing(after, tier))
      throw new Error(`${name} waits for ${tier}, and none comes`);
  }
  checkFair(before, after, actions, now.now_ms);
}

function dueMs({ config }: HostState, { since_ms, received_at_ms }: Shortage): number {
  return Math.max(since_ms, received_at_ms) + config.memory_wait_ms;
}

/** The order is of exactly those that wait, the oldest invocation first. */
function checkOrder({ functions, short }: HostState): void {
  const waiting = [...functions.values()].filter((fn) => fn.short !== null);
  const names = waiting.map(({ spec }) => spec.name).toSorted();
  if (names.join() !== [...short].toSorted().join()) {
    throw new Error(`${names.join()} wait for memory, the order has ${short.join()}`);
  }
  const times = short.map((name) => functions.get(name)?.short?.received_at_ms ?? 0);
  if (times.some((time, at) => time < (times[at - 1] ?? 0))) throw new Error('out of order');
}

function isSomethingComing({ vms, operations }: HostState, tier: Tier): boolean {
  const isOf = (vm_id: string, index: number): boolean =>
    vms.get(vm_id)?.regions[index]?.tier === tier;
  for (const operation of operations.values()) {
    const { vm_id, region_index } = operation;
    if (kindOf(operation) === 'unplug' && isOf(vm_id, region_index)) return true;
  }
  for (const { id, phase, instances, regions } of vms.values()) {
    // Boot memory and VMM are the host's.
    if (phase === 'ending' && (tier === 'host' || regions.some((one) => one.tier === tier))) {
      return true;
    }
    const stopping = instances.filter((one) => one.phase === 'stopping');
    const isOfFar = (index: number): boolean => isOf(id, regions[index]?.far_index ?? -1);
    if (stopping.some((one) => isOf(id, one.region_index) || isOfFar(one.region_index))) {
      return true;
    }
  }
  return false;
}

/** All of which it needs, where an instance of it has two parts. */
function waitedTiers({ functions }: HostState, name: string, tier: Tier): readonly Tier[] {
  const spec = functions.get(name)?.spec;
  const { tiers = null, host_node = null } = spec ?? {};
  const both = spec && tiers && hasFar(spec) ? [tierOf(host_node), tierOf(tiers.far_node)] : [];
  return both.includes(tier) ? both : [tier];
}

/** Nobody gets memory of a tier while an older invocation of another function waits for it. */
function checkFair(
  before: HostState,
  after: HostState,
  actions: readonly Action[],
  now_ms: number,
): void {
  for (const action of actions) {
    if (action.type !== 'resize-region' || action.order.cause !== 'start') continue;
    const { order } = action;
    const had = before.vms.get(order.vm_id)?.regions[order.region_index]?.permit_bytes ?? 0;
    if (order.to_bytes <= had) continue;
    const vm = after.vms.get(order.vm_id);
    const instance = vm?.instances.find(({ id }) => id === order.instance_id);
    const { cause_sequence = null } = instance ?? {};
    const cause = before.functions.get(order.function)?.queue.find(cause_sequence ?? -1);
    // What came with this event is not in the queue before it.
    const received_at_ms = cause_sequence === null ? Infinity : (cause?.received_at_ms ?? now_ms);
    for (const name of before.short) {
      const was = before.functions.get(name)?.short;
      const is = after.functions.get(name)?.short;
      if (name === order.function || !was || !is || is.received_at_ms !== was.received_at_ms) {
        continue;
      }
      const wanted = vm?.regions[order.region_index]?.tier ?? 'host';
      const waited = waitedTiers(before, name, was.tier ?? 'host');
      if (waited.includes(wanted) && was.received_at_ms < received_at_ms) {
        throw new Error(`${order.function} got memory for which ${name} waits longer`);
      }
    }
  }
}

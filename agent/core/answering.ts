/**
 * Who answers for a function, and what is remembered for it: the policy that its targets name, that
 * of the pool where its definition says how its memory is kept ready, or the agent's own.
 */
import type { HostEvent } from '../model/events.ts';
import { POOL_POLICY_NAME } from '../model/pool-spec.ts';
import { type FunctionState, vmSpec } from '../model/state.ts';
import { type Draft, readFunction, readVm, vmsOf } from './draft.ts';
import type { CountsOf, Policy, SpecOf } from './policy.ts';

/** The agent's own also where the one named is not there (any more). */
export function policyOf(
  draft: Draft,
  { targets, spec }: Pick<FunctionState, 'targets' | 'spec'>,
): Policy {
  const name = targets?.values.policy ?? (spec.pool === null ? null : POOL_POLICY_NAME);
  return (name === null ? undefined : policyNamed(draft, name)) ?? draft.policy;
}

/** A policy of that name; undefined: this agent has none. */
export function policyNamed({ policy, policies }: Draft, name: string): Policy | undefined {
  return name === policy.name ? policy : policies.get(name);
}

/** What the policy has learned; undefined before it learned anything. */
export function memoryOf({ memories }: Draft, { name }: Policy): unknown {
  return memories[name];
}

/** From now on; it is part of the state. */
export function remember(draft: Draft, { name }: Policy, memory: unknown): void {
  if (memory !== draft.memories[name]) draft.memories = { ...draft.memories, [name]: memory };
}

/**
 * What policies make of the event, before anything comes of it. The agent's own hears all of them,
 * so that it can answer for any function again; one that a function names hears those of that
 * function, every end of what it may remember, and that time has passed.
 */
export function learn(draft: Draft, event: HostEvent): void {
  teach(draft, draft.policy, event);
  if (draft.policies.size === 0) return;
  if (OF_ALL.has(event.type)) {
    for (const name of Object.keys(draft.memories)) {
      const other = name === draft.policy.name ? undefined : draft.policies.get(name);
      if (other) teach(draft, other, event);
    }
    return;
  }
  const fn = functionOf(draft, event);
  const other = fn && policyOf(draft, fn);
  if (other && other !== draft.policy) teach(draft, other, event);
}

/** Time alone; and after these nothing more comes of a function, or of a VM. */
const OF_ALL: ReadonlySet<HostEvent['type']> = new Set(['tick', 'remove', 'vm-gone', 'vm-failed']);

function functionOf(draft: Draft, event: HostEvent): FunctionState | undefined {
  if ('function' in event) return readFunction(draft, event.function);
  const vm = 'vm_id' in event ? readVm(draft, event.vm_id) : undefined;
  return vm && readFunction(draft, vm.function);
}

function teach(draft: Draft, policy: Policy, event: HostEvent): void {
  if (!policy.learn) return;
  const specOf: SpecOf = (vm_id) => {
    const vm = readVm(draft, vm_id);
    const fn = vm && readFunction(draft, vm.function);
    return fn ? vmSpec(fn, vm) : null;
  };
  const countsOf: CountsOf = (name) => {
    const fn = readFunction(draft, name);
    let [busy, idle] = [0, 0];
    for (const { instances } of fn ? vmsOf(draft, fn) : []) {
      for (const { phase } of instances) {
        if (phase === 'busy') busy += 1;
        else if (phase === 'idle') idle += 1;
      }
    }
    return { concurrent: busy + (fn?.queue.length ?? 0), ready: busy + idle };
  };
  const before = memoryOf(draft, policy);
  const memory = policy.learn(before, event, draft.now_ms, specOf, countsOf);
  remember(draft, policy, memory);
}

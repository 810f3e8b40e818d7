/** The registry of policies: a further one is a file of its own and one name in a call. Pure. */
import { assert } from '../../base/assert.ts';
import { DEFAULT_POLICY } from './default-policy/policy.ts';
import type { Policy } from './policy.ts';

/** Policies by name. */
export type Policies = ReadonlyMap<string, Policy>;

/** The registry of the default policy and these. Two of one name are a fault of the caller. */
export function policies(...more: readonly Policy[]): Policies {
  const all = new Map([[DEFAULT_POLICY.name, DEFAULT_POLICY]]);
  for (const policy of more) {
    assert(!all.has(policy.name), `there is one policy '${policy.name}'`);
    all.set(policy.name, policy);
  }
  return all;
}

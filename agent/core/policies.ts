/** The policies there are: a further one is a file of its own and one `add`. Pure. */
import { Registry } from '../../base/registry.ts';
import { DEFAULT_POLICY } from './default-policy/policy.ts';
import type { Policy } from './policy.ts';

/** By name, as an operator chooses one; whoever puts the program together adds others. */
export const POLICIES = new Registry<Policy>('policy', [DEFAULT_POLICY]);

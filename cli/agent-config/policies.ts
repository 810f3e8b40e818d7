/** Every policy an agent can be started with: the agent's own, and those of the autoscaler. */
import { POLICIES } from '../../agent/core/policies.ts';
import { HISTORY_POLICY } from '../../autoscaler/policy/history.ts';
import { AUTOSCALER_POLICIES } from '../../autoscaler/policy/registry.ts';

for (const policy of AUTOSCALER_POLICIES) POLICIES.add(policy);

/** Who decides where nobody is named: as the default policy, and sizes for functions with any. */
export const USUAL_POLICY = HISTORY_POLICY;

export { POLICIES };

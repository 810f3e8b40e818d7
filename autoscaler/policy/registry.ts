/** The policies of the autoscaler, beside the agent's own: one file and one line each. Pure. */
import type { Policy } from '../../agent/core/policy.ts';
import { HISTORY_POLICY } from './history.ts';

export const AUTOSCALER_POLICIES: readonly Policy[] = [HISTORY_POLICY];

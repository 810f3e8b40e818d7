/** The policies of the autoscaler, beside the agent's own: one file and one line each. Pure. */
import type { Policy } from '../../agent/core/policy.ts';
import { BATCHED_POLICY } from './batched.ts';
import { DEGRADED_WINDOW_POLICY } from './degraded-window.ts';
import { FIXED_KEEP_ALIVE_POLICY } from './fixed-keep-alive.ts';
import { GREEDY_DUAL_POLICY, LEAST_RECENTLY_USED_POLICY } from './greedy-dual.ts';
import { HISTORY_POLICY } from './history.ts';
import { HYBRID_HISTOGRAM_POLICY } from './hybrid-histogram-policy.ts';
import { KNATIVE_POLICY } from './knative.ts';
import { OLDEST_FIRST_POLICY } from './oldest-first.ts';
import { PLUGGED_RESERVE_POLICY } from './plugged-reserve.ts';
import { POOL_POLICY } from './pool.ts';
import { SLIDING_WINDOW_POLICY } from './sliding-window.ts';

export const AUTOSCALER_POLICIES: readonly Policy[] = [
  HISTORY_POLICY,
  FIXED_KEEP_ALIVE_POLICY,
  HYBRID_HISTOGRAM_POLICY,
  OLDEST_FIRST_POLICY,
  SLIDING_WINDOW_POLICY,
  DEGRADED_WINDOW_POLICY,
  KNATIVE_POLICY,
  BATCHED_POLICY,
  PLUGGED_RESERVE_POLICY,
  POOL_POLICY,
  GREEDY_DUAL_POLICY,
  LEAST_RECENTLY_USED_POLICY,
];

/** Fixed keep-alive: an instance ends when it has been idle for a time that never changes. Pure. */
import { DEFAULT_POLICY } from '../../agent/core/default-policy/policy.ts';
import type { Policy } from '../../agent/core/policy.ts';

/** As a run's manifest names it; the agent's default policy answers so. */
export const FIXED_KEEP_ALIVE = 'fixed-keep-alive';

/** Keep-alive of the HotMem (Squeezy) evaluation: two minutes (arXiv 2411.12893v2). */
export const PAPER_KEEP_ALIVE_S = 120;

/** The time is the function's own, `keep_alive_ms` of its spec. */
export const FIXED_KEEP_ALIVE_POLICY: Policy = { ...DEFAULT_POLICY, name: FIXED_KEEP_ALIVE };

/** Fixed keep-alive: an instance ends when it has been idle for a time that never changes. Pure. */

/** As a run's manifest names it; the agent's default policy answers so. */
export const FIXED_KEEP_ALIVE = 'fixed-keep-alive';

/** Keep-alive of the HotMem (Squeezy) evaluation: two minutes (arXiv 2411.12893v2). */
export const PAPER_KEEP_ALIVE_S = 120;

/** Limits of a profile run. Pure. */
export const PROFILE_LIMITS = {
  /** Of a workload file, and of a payload that is written in it. */
  workload_bytes: 16 * 1024 * 1024,
  /** Longest test: 30 days. */
  duration_s: 30 * 86_400,
  instances: 256,
  /** Arrivals of one workload; each becomes a line. */
  arrivals: 1_000_000,
  /** Until the instances of deployed functions are stopped after the last reply. */
  drain_ms: 120_000,
  /** Until every region of a function that was deployed elsewhere is looked at no longer. */
  settle_ms: 500,
  /** Instances whose region is remembered, while accesses are counted. */
  instances_known: 4_096,
  /** What one call may take whose accesses are counted. */
  counted_call_ms: 900_000,
  /** Between two progress lines. */
  progress_ms: 250,
} as const;

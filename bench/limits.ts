/** Limits of the benches. */
import { assert } from '../base/assert.ts';
import { LIMITS } from '../base/limits.ts';

export const BENCH_LIMITS = {
  /** One piece of work in a guest under measurement: filling or checking a whole region. */
  work_ms: 180_000,
  /** One plug or unplug of a bench; longer than an agent's, for stock unplug of a full guest. */
  resize_ms: 120_000,
  /** Until VMM, guest and host tell the same of a region after an operation. */
  agree_ms: 3_000,
  /** One run of the floor program: touches one region. */
  floor_ms: 60_000,
  /** Of the console of a failed block, kept in the folder of the run. */
  console_bytes: 1024 * 1024,
  /** Bursts of unplugs of one block with a live neighbour, and the time they may take. */
  bursts: 64,
  bursts_ms: 480_000,
  /** One change of where or how a process runs. */
  placement_ms: 5_000,
  /** Starts of one instance that are tried again. */
  start_retries: 3,
  /** All selftests of the series in an emulated guest on a busy host. */
  selftest_ms: 1_200_000,
  /** One boot under counted instructions. */
  counted_ms: 240_000,
  /** One trace read by a process of its own. */
  reading_ms: 300_000,
  /** What a process of `bench agent` has used: until it says so. */
  agent_usage_ms: 10_000,
  /** Memory of the host that one VM of a bench may take. */
  vm_bytes: 9 * 1024 * 1024 * 1024,
} as const;

assert(
  Math.max(LIMITS.plug_ms, LIMITS.unplug_ms) < BENCH_LIMITS.resize_ms,
  'a bench sees the end of what an agent would give up',
);
assert(
  BENCH_LIMITS.agree_ms < BENCH_LIMITS.resize_ms && BENCH_LIMITS.resize_ms < BENCH_LIMITS.bursts_ms,
  'the parts of a measurement end before the whole',
);

/** Limits of a command and of the end of its process. */
import { assert } from '../base/assert.ts';
import { LIMITS } from '../base/limits.ts';

export const CLI_LIMITS = {
  /**
   * Everything that is undone at the end of a process. Longer than a stopping agent needs: drain,
   * then polite and forced ends of VMMs that do not answer.
   */
  orderly_end_ms: 90_000,
  /** Waiting for a slow reader of the last lines. */
  output_flush_ms: 1_000,
  /**
   * Memory of one VMM process besides its guest's, booked for every VM: code, heap, thread stacks
   * and, under TCG, translated code. A bound chosen with room, not a measured figure.
   */
  vmm_overhead_bytes: 128 * 1024 * 1024,
  /** One answer of a policy of the agent, which decides nothing else meanwhile. */
  policy_answer_ms: 100,
  /** One message to the service manager. */
  notify_ms: 10_000,
  /** Of one simulated function: a hundred reviews of its size. */
  simulated_invocations: 100_000,
  /** Simulated functions of each class; all files that are published together have fewer. */
  simulated_functions: 100_000,
  /** Functions of a trace that is chosen from, sampled or made; all of 2019 are 72,359. */
  trace_functions: 1_000_000,
  /** A made trace of DAGs: how many, how long, and how loose its deadlines. */
  trace_dags: 10_000,
  dag_hours: 24 * 14,
  dag_slack: 1_000,
  /** A day: idle instances of a simulated DAG are not kept for longer. */
  dag_ready_s: 86_400,
  /** Orders among which a sample is chosen. */
  trace_trials: 10_000,
  /** Invocations of a made trace: what is held in memory. */
  trace_invocations: 20_000_000,
  /** Days of a made trace. */
  trace_days: 366,
  /** One growth, from the wish to its memory, and touching a GiB. */
  simulated_cost_ms: 600_000,
  /** Threads of one sweep. */
  sweep_workers: 64,
  simulated_hosts: 1_000,
  /** Patches of one series. */
  series_patches: 10_000,
  /** Changes of memory that a host may make at once. */
  operations_max: 10_000,
} as const;

assert(
  LIMITS.agent_stop_ms < CLI_LIMITS.orderly_end_ms,
  'a command that started an agent sees it stop',
);

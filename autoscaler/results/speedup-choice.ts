/** The schema of what `replay --speedup auto` measured, what the trace asks for, and the choice. */
import { z } from 'zod';
import { bytes, count, duration_ms, text } from '../../agent/model/fields.ts';

const amount = z.number().finite().nonnegative();

/** CPU time that one thing took on this host, replay, agent and VMM together. */
const costsSchema = z.strictObject({
  mechanism: text,
  /** The function whose calls were made: of the run the one with least or with most memory. */
  function: text,
  limit_bytes: bytes,
  /** A call of an instance that is there; its computing apart. */
  call_cpu_ms: duration_ms,
  /** An instance's whole way besides its call: plug, start, end, unplug. */
  start_cpu_ms: duration_ms,
  /** CPU time of the host for one unit of what a call computes. */
  compute_factor: amount,
  /** Calls that were measured, those that started an instance among them. */
  calls: count,
});
export type SpeedupCosts = z.infer<typeof costsSchema>;

/** What the busiest window of the plan asks for, in CPU time. */
const demandSchema = z.strictObject({
  mechanism: text,
  /** Of the CPU that was left; above 1: more than there is. */
  share: amount,
  /** Of the run's time, from its first arrival on. */
  at_ms: duration_ms,
  window_ms: duration_ms,
  calls: count,
  starts: count,
});
export type SpeedupDemand = z.infer<typeof demandSchema>;

const measuredSchema = z.strictObject({
  took_ms: duration_ms,
  /** CPUs that the machine has or lets us have, less what others took meanwhile. */
  cpus_left: amount,
  /** Of one VM in which nothing happens, with its part of the agent. */
  idle_cpus_per_vm: amount,
  costs: z.array(costsSchema),
});
export type SpeedupMeasured = z.infer<typeof measuredSchema>;

export const speedupChoiceSchema = z.strictObject({
  speedup: z.number().positive(),
  /** At most so much of the CPU left may be asked for, in any window of the run. */
  most_share: amount,
  measured: measuredSchema,
  /** At that speed-up, of the mechanism that asks for most. */
  demand: demandSchema,
});
export type SpeedupChoice = z.infer<typeof speedupChoiceSchema>;

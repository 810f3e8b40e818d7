/**
 * `simulation.json`: what a simulation came to. Nothing in it was measured, and it says so; its
 * figures have the names that those of a replay have. `hotplane compare` reads both.
 */
import { z } from 'zod';
import type { ReadyRung } from '../../agent/model/pool.ts';

/** Rungs that can stand ready in a simulation: no guest of it prepares anything. */
export const SIMULATED_RUNGS = ['plugged', 'warm'] as const satisfies readonly ReadyRung[];
export type SimulatedRung = (typeof SIMULATED_RUNGS)[number];

export const SIMULATION_FILE = 'simulation.json';
const SIMULATION_VERSION = 1;

const figure = z.number().finite().nonnegative();
const interval = z.strictObject({ value: figure, low: figure, high: figure });
/** Ends of the interval: null where the sample is too small to have one. */
const quantile = z.strictObject({
  share: z.number().min(0).max(1),
  value: figure,
  low: figure.nullable(),
  high: figure.nullable(),
});

const readyPartSchema = z.strictObject({
  asked: figure,
  hits: figure,
  idle_gib_s: figure,
  /** At the end of the part; null: nobody said how much was wanted. */
  want_gib: figure.nullable(),
});
export type ReadyPartFigures = z.infer<typeof readyPartSchema>;

export const runFiguresSchema = z.strictObject({
  /** Policy with its parameters, mechanism. */
  name: z.string(),
  policy: z.string(),
  mechanism: z.string(),
  simulated: z.boolean(),
  invocations: figure,
  warm: figure,
  cold: figure,
  refused: figure,
  instance_starts: figure,
  /** Of all invocations; 95 % (Wilson). */
  cold_share: interval,
  /** Share of cold starts of each function, at these shares of the functions. */
  cold_share_of_functions: z.array(z.strictObject({ share: figure, value: figure })),
  /** From the arrival until an instance took it; 95 % (order statistics). */
  wait_ms: z.array(quantile),
  /** The same until its end; of what was served. */
  latency_ms: z.array(quantile).default([]),
  committed_gib_s: figure,
  /** The same policy and host, memory moves in no time; absent: nobody played that. */
  ideal_gib_s: figure.optional(),
  /** Of instances that ran something. */
  busy_gib_s: figure.nullable(),
  peak_committed_bytes: figure,
  /** GiB·s of each hundredth of the window. */
  committed_gib_s_parts: z.array(figure),
  window_ms: figure,
  /**
   * What stood ready: calls that looked for an idle instance (`warm`), starts that calls waited
   * for (`plugged`), those that found one at once, and GiB·s of what stood there. A start that did
   * not hit is a cold plug. Absent: not counted.
   */
  ready: z
    .array(
      z.strictObject({
        rung: z.enum(SIMULATED_RUNGS),
        asked: figure,
        hits: figure,
        idle_gib_s: figure,
        /** Of each hundredth of the window; absent: not over time. */
        parts: z.array(readyPartSchema).optional(),
      }),
    )
    .optional(),
  /** Codes of why its figures order nothing; empty: they may be compared. */
  not_compared: z.array(z.string()).default([]),
});
export type RunFigures = z.infer<typeof runFiguresSchema>;

export const simulationSchema = z.strictObject({
  schema_version: z.literal(SIMULATION_VERSION),
  kind: z.literal('simulation'),
  simulated: z.literal(true),
  hotplane: z.string(),
  seed: figure,
  engine: z.enum(['fast', 'reference']),
  inputs: z.array(z.strictObject({ path: z.string(), bytes: figure, sha256: z.string() })),
  options: z.record(z.string(), z.string()),
  /** Rules that were needed to read the trace, with their counts. */
  rules: z.record(z.string(), figure),
  functions: figure,
  mechanism: z.strictObject({
    name: z.string(),
    source: z.string(),
    plug: z.strictObject({ base_ms: figure, ms_per_mib: figure }),
    unplug: z.strictObject({ base_ms: figure, ms_per_mib: figure }),
    start_ms: figure,
    stop_ms: figure,
  }),
  /** What others would commit for the same trace, GiB·s; by name. */
  baselines: z.array(z.strictObject({ name: z.string(), about: z.string(), gib_s: figure })),
  runs: z.array(runFiguresSchema),
});
export type Simulation = z.infer<typeof simulationSchema>;

/** Fills in what every simulation of this version has. */
export function asSimulation(
  told: Omit<Simulation, 'schema_version' | 'kind' | 'simulated'>,
): Simulation {
  return { schema_version: SIMULATION_VERSION, kind: 'simulation', simulated: true, ...told };
}

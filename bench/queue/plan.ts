/** What runs beside each other, and in which order. Pure. */
import { PLAIN_SPEC } from '../../agent/model/spec.ts';
import { type Work, workSchema } from '../../agent/model/work.ts';
import type { FunctionSpec } from '../../autoscaler/replay/agent-api.ts';
import { MIB } from '../../base/units.ts';
import type { Arm } from './arms.ts';
import type { QueueBenchOptions } from './options.ts';

export const QUEUE_MECHANISM = 'hotmem';
export const CHURN = 'churn';
export const CHURN_INSTANCES = 4;
/** An instance fills so much of its region; the rest is its program's. */
const FILLS = 0.8;
/** An instance is given back that was idle for so long. */
export const CHURN_KEEP_MS = 100;
const HOUR_MS = 3_600_000;
const PAGE_BYTES = 4096;

/** A function that cares about latency: it is called, rests for as long, and so on. */
export interface QueueNeighbour {
  readonly name: string;
  /** What a call of it takes while nothing is given back. */
  readonly call_ms: number;
}

export const NEIGHBOURS = [
  { name: 'short', call_ms: 4 },
  { name: 'middle', call_ms: 12 },
  { name: 'long', call_ms: 40 },
] as const satisfies readonly QueueNeighbour[];
export type NeighbourName = (typeof NEIGHBOURS)[number]['name'];

/** Before it has been measured how long memory takes to touch. */
export const TRIAL_BYTES = 4 * MIB;

const plain = { mechanism: QUEUE_MECHANISM, ...PLAIN_SPEC } as const;

export function queueSpecsOf({ churn_bytes }: QueueBenchOptions): FunctionSpec[] {
  const churn: FunctionSpec = {
    ...plain,
    name: CHURN,
    limit_bytes: churn_bytes / CHURN_INSTANCES,
    concurrency: CHURN_INSTANCES,
    vcpus: 2,
    boot_bytes: 512 * MIB,
    keep_alive_ms: CHURN_KEEP_MS,
  };
  const others = NEIGHBOURS.map(({ name }) => ({
    ...plain,
    name,
    limit_bytes: 128 * MIB,
    concurrency: 1,
    vcpus: 1,
    boot_bytes: 256 * MIB,
    keep_alive_ms: HOUR_MS,
  }));
  return [churn, ...others];
}

/** Of what filling takes on one CPU alone, so that it is over where neighbours take the other. */
const FILL_TIMES = 1.25;
/** On a host that takes longer, instances end as they are done. */
const FILL_MAX_MS = 10_000;

/**
 * An instance fills its memory and rests until all of them are done: they end together, and their
 * memory is due at the same time. `trial_ms`: what TRIAL_BYTES took.
 */
export function churnWork({ churn_bytes }: QueueBenchOptions, trial_ms: number): Work {
  const anonymous_bytes = Math.floor((churn_bytes / CHURN_INSTANCES) * FILLS);
  const fill_ms = (CHURN_INSTANCES * anonymous_bytes * trial_ms) / TRIAL_BYTES;
  const wall_ms = Math.round(Math.min(FILL_MAX_MS, FILL_TIMES * fill_ms));
  return { anonymous_bytes, file_bytes: 0, cpu_ms: 0, wall_ms };
}

/** In how many parts a call touches fresh memory and unmaps it again. */
const PARTS = 8;

/**
 * Touches so much fresh memory, in parts, and gives it back to its guest each time. Work that is
 * counted: what a program does until its CPU clock says so is as short on a CPU that was away.
 */
export function touchWork(bytes: number): Work {
  const part = Math.max(1, Math.round(bytes / PARTS / PAGE_BYTES)) * PAGE_BYTES;
  const phases = Array.from({ length: 2 * PARTS }, (_, index) => ({
    at_ms: 0,
    anonymous_bytes: index % 2 === 0 ? part : 0,
  }));
  return workSchema.parse({ anonymous_bytes: 0, file_bytes: 0, cpu_ms: 0, wall_ms: 0, phases });
}

/** So that a call takes as long as it is to, where `TRIAL_BYTES` took `trial_ms`. */
export function bytesFor({ call_ms }: QueueNeighbour, trial_ms: number): number {
  return Math.max(PAGE_BYTES, Math.round((TRIAL_BYTES * call_ms) / trial_ms));
}

export interface QueueTurn {
  readonly arm: Arm;
  /** From 1. */
  readonly round: number;
}

/** Every second round runs backwards, so that drift of the host hits all alike. */
export function queueTurnsOf({ arms, rounds }: QueueBenchOptions): QueueTurn[] {
  return Array.from({ length: rounds }, (_, index) => {
    const forward = arms.map((arm) => ({ arm, round: index + 1 }));
    return index % 2 === 0 ? forward : forward.toReversed();
  }).flat();
}

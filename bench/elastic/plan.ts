/** What is played, on which mechanism, in which order. Pure. */
import { PLAIN_SPEC } from '../../agent/model/spec.ts';
import type { MechanismName } from '../../agent/model/mechanism.ts';
import { MECHANISMS } from '../../agent/model/mechanism.ts';
import type { Work } from '../../agent/model/work.ts';
import type { FunctionSpec } from '../../autoscaler/replay/agent-api.ts';
import { makeSeries, TRAINING_SERIES } from '../../autoscaler/trace/made-series.ts';
import { averageOf, type MemorySeries, peakOf } from '../../autoscaler/trace/memory-series.ts';
import { workOfSeries } from '../../autoscaler/trace/series-work.ts';
import { GIB, MIB } from '../../base/units.ts';
import { nodeBootBytes } from '../../hypervisor-client/host/guest-node.ts';
import type { ElasticOptions } from './options.ts';

/** One invocation for each instance of a VM, all at the same time. */
export interface Play {
  readonly name: string;
  readonly works: readonly Work[];
  /** What the works use of memory, by their own plan. */
  readonly used_gib_s: number;
}

export interface PlannedPlay {
  readonly play: Play;
  readonly mechanism: MechanismName;
  /** From 1. */
  readonly round: number;
}

/** A series never fills its instance: the process has memory of its own beside it. */
const FILLS = 0.9;
/** What the emulated function has beside the memory that it is told to use. */
const OWN_BYTES = 4 * MIB;
const MS_PER_S = 1000;
/** An instance that is done is given back before it could be taken for one at work. */
const KEEP_ALIVE_MS = 100;
/** A wait that takes longer than any bound here is told as it is, and nobody is ended for it. */
const GROW_WAIT_MS = 60_000;
/** Of the VM itself, beside what guest nodes take. */
const KERNEL_BYTES = 256 * MIB;

/**
 * The training shape once in every instance, then the series, one each: those given, or made from
 * the seed. Each is played in the same time, and a large one smaller.
 */
export function playsOf(options: ElasticOptions, given: readonly MemorySeries[]): Play[] {
  const { instances, seed, short } = options;
  const training = Array.from({ length: instances }, () => TRAINING_SERIES);
  const first = playOf('training', training, options);
  if (short) return [first];
  const series = given.length > 0 ? given : makeSeries(seed);
  const plays = [first];
  for (let from = 0; from < series.length; from += instances) {
    const some = series.slice(from, from + instances);
    plays.push(playOf(`series ${from + 1} to ${from + some.length}`, some, options));
  }
  return plays;
}

function playOf(name: string, all: readonly MemorySeries[], options: ElasticOptions): Play {
  const { limit_bytes, play_ms } = options;
  let used_gib_s = 0;
  const works = all.map((series) => {
    const memory = Math.min(1, (limit_bytes * FILLS) / peakOf(series));
    used_gib_s += ((averageOf(series) * memory + OWN_BYTES) / GIB) * (play_ms / MS_PER_S);
    return workOfSeries(series, { time: play_ms / series.duration_ms, memory });
  });
  return { name, works, used_gib_s };
}

/** Mechanisms take turns; every second round runs backwards, so that drift hits all alike. */
export function playOrder(plays: readonly Play[], options: ElasticOptions): PlannedPlay[] {
  const { mechanisms, rounds } = options;
  return Array.from({ length: rounds }, (_, index) => {
    const forward = plays.flatMap((play) =>
      mechanisms.map((mechanism) => ({ play, mechanism, round: index + 1 })),
    );
    return index % 2 === 0 ? forward : forward.toReversed();
  }).flat();
}

/** The function of a mechanism; one that does not plug on demand has all of it from boot on. */
export function elasticSpecOf(mechanism: MechanismName, options: ElasticOptions): FunctionSpec {
  const { instances, limit_bytes, baseline_bytes, increment_bytes } = options;
  const sizes = {
    baseline_bytes,
    increment_bytes,
    history: false,
    grow_wait_ms: GROW_WAIT_MS,
    expression: null,
  };
  return {
    name: elasticFunction(mechanism),
    mechanism,
    limit_bytes,
    concurrency: instances,
    vcpus: 2,
    boot_bytes: KERNEL_BYTES + instances * nodeBootBytes(limit_bytes),
    keep_alive_ms: KEEP_ALIVE_MS,
    ...PLAIN_SPEC,
    memory: MECHANISMS.get(mechanism).plugs_on_demand ? sizes : null,
  };
}

export const elasticFunction = (mechanism: MechanismName): string => `elastic-${mechanism}`;

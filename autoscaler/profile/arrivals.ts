/**
 * When a workload calls: a function of the workload and a seed alone, so that the same seed gives
 * the same arrivals on every host. Each instance draws from a stream of its own, which its name and
 * the seed begin. (FaaSProfiler begins each Poisson stream by the seed alone, so that instances of
 * one rate call together, and its uniform shift by Python's hash of the name, which differs from
 * process to process.) Pure.
 */
import { seededRandom } from '../../base/random.ts';
import { PROFILE_LIMITS } from './limits.ts';
import type { ArrivalRule, Workload } from './workload.ts';

/** One call to be made. */
export interface WorkloadArrival {
  readonly invocation_id: string;
  /** Name of its instance of the workload. */
  readonly instance: string;
  readonly application: string;
  /** Since the run's start, whole microseconds. */
  readonly at_ms: number;
}

/** Null: there would be more than may be. */
export function planArrivals(workload: Workload, seed: number): WorkloadArrival[] | null {
  const all: Omit<WorkloadArrival, 'invocation_id'>[] = [];
  for (const { name, application, arrivals } of workload.instances) {
    const room = PROFILE_LIMITS.arrivals - all.length;
    const times_s = arrivalTimes(arrivals, workload.duration_s, randomOf(seed, name), room);
    if (times_s === null) return null;
    for (const at_s of times_s) {
      all.push({ instance: name, application, at_ms: Math.round(at_s * 1e6) / 1e3 });
    }
  }
  // Stable: instances that call at once do so in the order of the file.
  all.sort((a, b) => a.at_ms - b.at_ms);
  return all.map((one, index) => ({
    invocation_id: `p${String(index + 1).padStart(7, '0')}`,
    ...one,
  }));
}

/** The stream of one instance: it begins with FNV-1a of seed and name. */
function randomOf(seed: number, instance: string): () => number {
  let hash = 0x811c9dc5;
  for (const character of `${seed}/${instance}`) {
    hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
  }
  return seededRandom(hash);
}

/**
 * Seconds since the start, ascending, within the test and the rule's window; null: more than
 * `most`. Uniform is one every 1 / rate, all shifted by the same part of that; Poisson has times
 * between them that are exponential.
 */
export function arrivalTimes(
  rule: ArrivalRule,
  duration_s: number,
  random: () => number,
  most: number,
): number[] | null {
  const times_s: number[] = [];
  if (rule.kind === 'list') {
    let at_s = 0;
    for (const gap_s of rule.interarrivals_s) {
      at_s += gap_s;
      if (at_s > duration_s) break;
      times_s.push(at_s);
    }
    return times_s.length > most ? null : times_s;
  }
  const { distribution, rate_per_s, begin_s } = rule;
  if (rate_per_s === 0) return times_s;
  const end_s = Math.min(rule.end_s, duration_s);
  const next =
    distribution === 'Uniform' ? uniform(rate_per_s, random) : poisson(rate_per_s, random);
  for (let at_s = next(); at_s < end_s; at_s = next()) {
    if (at_s <= begin_s) continue;
    times_s.push(at_s);
    if (times_s.length > most) return null;
  }
  return times_s;
}

function uniform(rate_per_s: number, random: () => number): () => number {
  const shift = random();
  let index = 0;
  return () => {
    index += 1;
    return (index + shift) / rate_per_s;
  };
}

function poisson(rate_per_s: number, random: () => number): () => number {
  let at_s = 0;
  return () => {
    at_s += -Math.log(1 - random()) / rate_per_s;
    return at_s;
  };
}

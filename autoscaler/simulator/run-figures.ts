/** The figures of one simulated run. Pure. */
import { GIB } from '../../base/units.ts';
import { quantileInterval, wilson } from '../results/intervals.ts';
import type { RunFigures } from '../results/simulation.ts';
import { readyFigures } from './ready.ts';
import { OUTCOME, type Played } from './outcome.ts';
import type { SimWorkload } from './workload.ts';

const WAIT_SHARES = [0.5, 0.95, 0.99, 0.999];
/** Hundredths: a plot is made of them. */
const FUNCTION_SHARES = Array.from({ length: 100 }, (_, at) => (at + 1) / 100);

export function figuresOfRun(
  workload: SimWorkload,
  played: Played,
  about: Pick<RunFigures, 'name' | 'policy' | 'mechanism'>,
): RunFigures {
  const counts = countOutcomes(played.outcomes);
  const { warm, cold, refused } = counts;
  const served = warm + cold;
  const parts = [...played.committed.finish()];
  const { waited, zeros } = waitsOf(played);
  return {
    ...about,
    simulated: true,
    invocations: played.outcomes.length,
    ...counts,
    refused,
    instance_starts: played.starts,
    cold_share: wilson(cold, served),
    cold_share_of_functions: shareOfFunctions(workload, played),
    wait_ms: WAIT_SHARES.map((share) => quantileInterval(waited, share, zeros)),
    // Of millions they cost more than the run; a folder of lines tells them.
    latency_ms: [],
    committed_gib_s: gibSecondsOfParts(parts),
    busy_gib_s: gibSecondsOfBytes(played.busy_byte_ms),
    peak_committed_bytes: played.committed.peak_bytes,
    committed_gib_s_parts: parts,
    window_ms: workload.window_ms,
    not_compared: [],
    ...(played.ready && { ready: readyFigures(played.ready, played.ready_parts ?? null) }),
  };
}

export const gibSecondsOfBytes = (byte_ms: number): number => byte_ms / GIB / 1000;

export function gibSecondsOfParts(parts: Iterable<number>): number {
  let sum = 0;
  for (const part of parts) sum += part;
  return sum;
}

function countOutcomes(outcomes: Uint8Array): Pick<RunFigures, 'warm' | 'cold' | 'refused'> {
  const counts = new Float64Array(4);
  // By index: of millions an iterator costs more than the sum.
  for (let at = 0; at < outcomes.length; at += 1) {
    const outcome = outcomes[at] ?? 0;
    counts[outcome] = (counts[outcome] ?? 0) + 1;
  }
  return {
    warm: counts[OUTCOME.warm] ?? 0,
    cold: counts[OUTCOME.cold] ?? 0,
    // What never got an instance was not served either.
    refused: (counts[OUTCOME.refused] ?? 0) + (counts[OUTCOME.open] ?? 0),
  };
}

/** Most waits are 0: only the others are sorted. */
function waitsOf({ waits_ms }: Played): { readonly waited: Float64Array; readonly zeros: number } {
  const waited = new Float64Array(waits_ms.length);
  let [zeros, length] = [0, 0];
  for (let at = 0; at < waits_ms.length; at += 1) {
    const wait_ms = waits_ms[at] ?? Number.NaN;
    if (wait_ms === 0) zeros += 1;
    else if (wait_ms > 0) {
      waited[length] = wait_ms;
      length += 1;
    }
  }
  return { waited: waited.subarray(0, length).toSorted(), zeros };
}

function shareOfFunctions(
  { functions, invocations }: SimWorkload,
  { outcomes }: Played,
): RunFigures['cold_share_of_functions'] {
  const all = new Float64Array(functions.length);
  const cold = new Float64Array(functions.length);
  for (let at = 0; at < outcomes.length; at += 1) {
    const index = invocations.function_index[at] ?? 0;
    all[index] = (all[index] ?? 0) + 1;
    if (outcomes[at] === OUTCOME.cold) cold[index] = (cold[index] ?? 0) + 1;
  }
  const shares = cold
    .map((count, index) => count / (all[index] ?? 1))
    .filter((_, index) => (all[index] ?? 0) > 0)
    .toSorted();
  return FUNCTION_SHARES.map((share) => ({
    share,
    value: shares[Math.max(0, Math.ceil(share * shares.length) - 1)] ?? 0,
  }));
}

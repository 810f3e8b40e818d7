/**
 * Calls of functions in bursts, in the shape of the HotMem (Squeezy) paper's experiment under a
 * memory cap (arXiv 2411.12893v2, figure 10). Which functions of the trace those were is not
 * published, so they are made from a seed. Pure.
 */
import { seededRandom } from '../../base/random.ts';
import { InvocationColumns } from './columns.ts';
import { normal } from './generate.ts';
import type { TraceInvocation } from './trace.ts';

/** Of the paper: keep-alive, most instances of a function, the cap, and the length of the run. */
export const PAPER_BURSTS = {
  keep_alive_ms: 120_000,
  instances_max: 36,
  cap: 0.7,
  run_ms: 600_000,
} as const;

/** So long apart on average; chosen, not published, as is all that follows. */
const BURST_GAP_MS = 90_000;
/** All calls of a burst come within this. */
const BURST_MS = 500;
/** A call takes about as long as those that figure 9 of the paper shows. */
const DURATION_MS = 300;
const DURATION_SIGMA = 0.6;
const SMALLEST_BURST = 4;

export interface BurstOptions {
  readonly seed: number;
  readonly functions: number;
  /** Calls of the largest burst; no less than {@link SMALLEST_BURST}. */
  readonly instances_max: number;
  /** Run and gaps are so much shorter than the paper's; calls and bursts are as long as there. */
  readonly time_scale: number;
}

export function madeBursts(options: BurstOptions): InvocationColumns {
  const { seed, functions, instances_max, time_scale } = options;
  const random = seededRandom(seed);
  const calls: TraceInvocation[] = [];
  const gap_ms = BURST_GAP_MS * time_scale;
  const run_ms = PAPER_BURSTS.run_ms * time_scale;
  for (let function_index = 0; function_index < functions; function_index += 1) {
    let now_ms = random() * gap_ms;
    while (now_ms < run_ms) {
      const size = SMALLEST_BURST + Math.floor(random() * (instances_max - SMALLEST_BURST + 1));
      for (let call = 0; call < size; call += 1) {
        const duration_ms = DURATION_MS * Math.exp(DURATION_SIGMA * normal(random));
        calls.push({ function_index, arrival_ms: now_ms + random() * BURST_MS, duration_ms });
      }
      now_ms += BURST_MS - Math.log(1 - random()) * gap_ms;
    }
  }
  return InvocationColumns.from(calls);
}

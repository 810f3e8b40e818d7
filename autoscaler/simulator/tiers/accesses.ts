/**
 * Latencies by share from counted accesses: what an emulated machine was seen to do in its region,
 * times what is stated of a machine that has two kinds of memory. Modelled, therefore. Pure.
 */
import { z } from 'zod';
import { SHARES, type TierWorkload } from './workload.ts';

const count = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);

/** Longest names and notes, and most calls. */
export const COUNTED_CALLS = { name_chars: 64, note_chars: 256, calls: 256 } as const;

const named = z.string().min(1).max(COUNTED_CALLS.name_chars);

const callSchema = z.strictObject({
  function: named,
  input: named,
  /** Of the region. */
  bytes: count.positive(),
  /** Of the whole VM while the call ran. */
  instructions: count.positive(),
  /** In the region: of one call that found its instance. */
  loads: count,
  stores: count,
  fills: count,
  calls_per_s: z.number().positive().max(10_000),
});

/** Counts of calls, as `--accesses` takes them. */
export const countedCallsSchema = z.strictObject({
  /** The cache that fills are those of, in words. */
  cache: z.string().min(1).max(COUNTED_CALLS.note_chars),
  note: z.string().max(COUNTED_CALLS.note_chars),
  calls: z.array(callSchema).min(1).max(COUNTED_CALLS.calls),
});
export type CountedCalls = Readonly<z.infer<typeof countedCallsSchema>>;

/** Stated of the machine: instructions a nanosecond, and what a line of local memory takes. */
const INSTRUCTIONS_PER_NS = 1;
const LOCAL_NS = 80;
const NS_PER_MS = 1e6;

/**
 * A line costs `penalty_ns` more where it is remote, and lines lie as bytes do. No fill hides
 * behind another or behind work: an upper bound. An SLO is `slack` times what all local takes.
 */
export function countedWorkload(
  { cache, note, calls }: CountedCalls,
  penalty_ns: number,
  slack: number,
): TierWorkload {
  const stated = `${INSTRUCTIONS_PER_NS} instruction a ns, ${LOCAL_NS} ns a line, remote ${penalty_ns} more`;
  return {
    source: 'modelled',
    note: `from counted accesses (${cache}; ${note}), with what is stated: ${stated}`,
    classes: calls.map(({ instructions, fills, function: name, input, bytes, calls_per_s }) => {
      const local_ms = (instructions / INSTRUCTIONS_PER_NS + fills * LOCAL_NS) / NS_PER_MS;
      const far_ms = (fills * penalty_ns) / NS_PER_MS;
      const table = SHARES.map((share) => ({ share, latency_ms: local_ms + (1 - share) * far_ms }));
      return { function: name, input, bytes, calls_per_s, slo_ms: local_ms * slack, table };
    }),
  };
}

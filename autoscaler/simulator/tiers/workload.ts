/**
 * Functions whose calls are served from two tiers: what calls take by share, from a table that was
 * measured, or from a model of the same. Pure.
 */
import { z } from 'zod';
import { MIB } from '../../../base/units.ts';
import type { ShareLatency } from '../../../agent/model/tier-share.ts';

/** Where figures come from, as every output says. */
const SOURCES = ['measured', 'modelled'] as const;

/** What a table has room for. */
export const TABLE_LIMITS = { name_chars: 64, note_chars: 512, rows: 64, classes: 256 } as const;

const rowSchema = z.strictObject({
  share: z.number().min(0).max(1),
  latency_ms: z.number().positive().max(3_600_000),
});

const classSchema = z.strictObject({
  function: z.string().min(1).max(TABLE_LIMITS.name_chars),
  input: z.string().min(1).max(TABLE_LIMITS.name_chars),
  bytes: z.number().int().positive().max(Number.MAX_SAFE_INTEGER),
  slo_ms: z.number().positive().max(3_600_000),
  calls_per_s: z.number().positive().max(10_000),
  table: z
    .array(rowSchema)
    .min(1)
    .max(TABLE_LIMITS.rows)
    .refine((rows) => rows.some(({ share }) => share === 1), 'has no row for all local (share 1)'),
});
export type TierClass = Readonly<z.infer<typeof classSchema>>;

/** A table of latencies as `--table` takes it. */
export const tierWorkloadSchema = z.strictObject({
  source: z.enum(SOURCES),
  /** How it was measured, or by which model. */
  note: z.string().max(TABLE_LIMITS.note_chars),
  classes: z.array(classSchema).min(1).max(TABLE_LIMITS.classes),
});
export type TierWorkload = Readonly<z.infer<typeof tierWorkloadSchema>>;

export const SHARES = [0, 0.25, 0.5, 0.75, 1] as const;

/** What is stated of a kind of calls: nothing here was measured. */
interface Stated {
  readonly function: string;
  readonly input: string;
  readonly mib: number;
  /** With all memory local. */
  readonly local_ms: number;
  /** Cache lines that a call fetches from memory, in millions. */
  readonly fills_m: number;
  readonly calls_per_s: number;
}

/** Four functions with three inputs each: made up, of the shapes that benchmarks have. */
const STATED: readonly Stated[] = [
  { function: 'pages', input: 'small', mib: 128, local_ms: 12, fills_m: 0.02, calls_per_s: 8 },
  { function: 'pages', input: 'medium', mib: 128, local_ms: 25, fills_m: 0.05, calls_per_s: 4 },
  { function: 'pages', input: 'large', mib: 128, local_ms: 60, fills_m: 0.1, calls_per_s: 1 },
  { function: 'graph', input: 'small', mib: 256, local_ms: 80, fills_m: 0.6, calls_per_s: 2 },
  { function: 'graph', input: 'medium', mib: 512, local_ms: 350, fills_m: 3, calls_per_s: 0.6 },
  { function: 'graph', input: 'large', mib: 1024, local_ms: 1_500, fills_m: 14, calls_per_s: 0.1 },
  { function: 'images', input: 'small', mib: 128, local_ms: 45, fills_m: 0.15, calls_per_s: 3 },
  { function: 'images', input: 'medium', mib: 256, local_ms: 160, fills_m: 0.6, calls_per_s: 1 },
  { function: 'images', input: 'large', mib: 512, local_ms: 600, fills_m: 2.5, calls_per_s: 0.3 },
  { function: 'model', input: 'small', mib: 512, local_ms: 120, fills_m: 1.8, calls_per_s: 1 },
  { function: 'model', input: 'medium', mib: 512, local_ms: 260, fills_m: 4, calls_per_s: 0.5 },
  { function: 'model', input: 'large', mib: 1024, local_ms: 900, fills_m: 15, calls_per_s: 0.1 },
];

const LINES_M = 1e6;
const NS_PER_MS = 1e6;

/**
 * Latencies by share where each line of remote memory costs `penalty_ns` more, and lines lie as
 * bytes do. `slack`: an SLO is so many times what a call takes with all memory local.
 */
export function modelledWorkload(penalty_ns: number, slack: number): TierWorkload {
  return {
    source: 'modelled',
    note: `stated line fills x (1 - share) x ${penalty_ns} ns, which is stated; nothing was measured`,
    classes: STATED.map(({ function: name, input, mib, local_ms, fills_m, calls_per_s }) => {
      const far_ms = (fills_m * LINES_M * penalty_ns) / NS_PER_MS;
      const table: ShareLatency[] = SHARES.map((share) => {
        return { share, latency_ms: local_ms + (1 - share) * far_ms };
      });
      const about = { function: name, input, bytes: mib * MIB, calls_per_s };
      return { ...about, slo_ms: local_ms * slack, table };
    }),
  };
}

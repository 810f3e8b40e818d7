/**
 * What calls take with each share of near memory, from archives of runs whose functions were on two
 * nodes with that share: the table that a share is chosen from. Pure.
 */
import { printable } from '../../base/printable.ts';
import { median, plus, rounded } from '../../base/statistics.ts';
import { splitBytes } from '../../agent/model/tiers-spec.ts';
import { roundUp, MEMORY_BLOCK_BYTES } from '../../base/units.ts';
import { TABLE_LIMITS, type TierClass, type TierWorkload } from '../simulator/tiers/workload.ts';
import type { ProfileArchive } from './archive.ts';
import { disturbances, LoadTally } from '../report/load.ts';
import { splitCalls } from './stages.ts';

/** One run. */
export interface ShareRun {
  readonly round: number;
  /** That was asked for; what an instance has is in whole blocks. */
  readonly share: number;
  readonly archive: ProfileArchive;
}

/** Where the memory of the runs was. */
export interface MeasuredTiers {
  /** Null: on any node. */
  readonly near_node: number | null;
  readonly far_node: number;
  /** The host has another node than the far one; else near and far are the same memory. */
  readonly is_apart: boolean;
}

/** Warm calls with one share, of one kind. */
export interface ShareCalls {
  /** In whole blocks, as instances had it. */
  readonly share: number;
  readonly n: number;
  readonly latency_ms: number;
}

/** A kind of call: a function and an instance of the workload. */
export interface MeasuredClass extends Omit<TierClass, 'table'> {
  readonly rows: readonly ShareCalls[];
}

export interface MeasuredTable {
  readonly classes: readonly MeasuredClass[];
  /** Kinds of calls that cannot be in the table. */
  readonly left_out: readonly { readonly input: string; readonly why: string }[];
  /** Runs beside which the host did other things, and what: their shares compare badly. */
  readonly disturbed: readonly string[];
  /** As `tiers.table` and `simulate tiers --table` take it; null: there is no class. */
  readonly workload: TierWorkload | null;
}

/**
 * The median of warm calls, from when an instance had the call until its end, over all runs with
 * that share: who waits in a queue does not wait for its memory. `slack`: an SLO is so many times
 * what a call takes with all memory near.
 */
export function measuredTable(
  runs: readonly ShareRun[],
  slack: number,
  tiers: MeasuredTiers,
): MeasuredTable {
  const inputs = runs.flatMap((run) => run.archive.manifest.instances);
  const names = [...new Set(inputs.map((one) => one.name))];
  const found = names.map((name) => classOf(name, runs, slack));
  const classes = found.flatMap((one) => (typeof one === 'string' ? [] : [one]));
  const left_out = names.flatMap((input, at) => {
    const why = found[at];
    return typeof why === 'string' ? [{ input, why }] : [];
  });
  const told = classes.map(({ rows, ...about }) => ({
    ...about,
    table: rows.map(({ share, latency_ms }) => ({ share, latency_ms })),
  }));
  const disturbed = runs.flatMap(disturbancesOf);
  const note = noteOf(runs, { classes, disturbed }, tiers);
  const source = 'measured' as const;
  const workload = classes.length === 0 ? null : { source, note, classes: told };
  return { classes, left_out, disturbed, workload };
}

/** Or why it cannot be one. */
function classOf(input: string, runs: readonly ShareRun[], slack: number): MeasuredClass | string {
  const { manifest } = runs[0]?.archive ?? {};
  const instance = manifest?.instances.find((one) => one.name === input);
  const spec = manifest?.functions.find((one) => one.spec.name === instance?.function)?.spec;
  if (!manifest || !instance || !spec) return 'its function is in no archive';
  const { limit_bytes: bytes, name } = spec;
  const latencies = new Map<number, number[]>();
  for (const { share: asked, archive } of runs) {
    const share = shareOf(bytes, asked);
    const known = latencies.get(share) ?? [];
    latencies.set(share, [...known, ...warmMs(input, archive)]);
  }
  const rows = [...latencies].flatMap(([share, all_ms]) => {
    const latency_ms = median(all_ms);
    return latency_ms === null
      ? []
      : [{ share, n: all_ms.length, latency_ms: rounded(latency_ms) }];
  });
  if (rows.length < latencies.size) return 'a share has no warm call that was done';
  const all_near = rows.find(({ share }) => share === 1);
  if (!all_near) return 'none was run with all of its memory near (share 1)';
  if (rows.some(({ latency_ms }) => latency_ms <= 0)) return 'its calls take no time';
  return {
    function: name.slice(0, TABLE_LIMITS.name_chars),
    input: input.slice(0, TABLE_LIMITS.name_chars),
    bytes,
    slo_ms: rounded(slack * all_near.latency_ms),
    calls_per_s: instance.arrivals / manifest.workload.duration_s,
    rows: rows.toSorted((a, b) => a.share - b.share),
  };
}

/** What of so many bytes is near where that is asked for, in whole blocks. */
export function shareOf(bytes: number, asked: number): number {
  const whole_bytes = roundUp(bytes, MEMORY_BLOCK_BYTES);
  return splitBytes(whole_bytes, asked).near_bytes / whole_bytes;
}

/** Of a warm call nothing but these two is between the queue and its end. */
const warmMs = (input: string, { calls, operations }: ProfileArchive): number[] =>
  splitCalls(calls, operations).flatMap(({ instance, cold, outcome, stages_ms }) => {
    const ms = plus(stages_ms.first_touch, stages_ms.execute);
    return instance === input && !cold && outcome === 'done' && ms !== null ? [ms] : [];
  });

function disturbancesOf({ round, share, archive }: ShareRun): string[] {
  const { observed_ms } = archive.manifest;
  const load = new LoadTally(observed_ms);
  for (const line of archive.load) load.add(line);
  const found = disturbances(load.summary(observed_ms));
  return found.map((what) => `round ${round}, share ${share}: ${what}`);
}

function noteOf(
  runs: readonly ShareRun[],
  { classes, disturbed }: Pick<MeasuredTable, 'classes' | 'disturbed'>,
  { near_node, far_node, is_apart }: MeasuredTiers,
): string {
  const counts = classes.flatMap(({ rows }) => rows.map(({ n }) => n));
  const { manifest } = runs[0]?.archive ?? {};
  const vmms = manifest?.functions.flatMap(({ vmm, accelerator }) =>
    vmm === null ? [] : [`${vmm}${accelerator === null ? '' : `, ${accelerator}`}`],
  );
  const near = near_node === null ? 'on any node, or on several' : `on node ${near_node}`;
  // What says the most of it first: the rest may be cut.
  const parts = [
    ...(is_apart ? [] : ['near and far are the same memory: no latency of a remote node is in it']),
    ...(disturbed.length === 0 ? [] : [`${disturbed.length} times disturbed by other load`]),
    `near ${near}, far on ${far_node}`,
    `medians of ${counts.length === 0 ? 0 : Math.min(...counts)} or more warm calls`,
    [...new Set(vmms)].join(' and ') || 'unknown VMM',
    printable(manifest?.workload.test_name ?? ''),
  ];
  return parts.join('; ').slice(0, TABLE_LIMITS.note_chars);
}

/**
 * Which share of an instance's memory is to be local: by what its calls take with each share, and
 * by how many instances that makes there be. Slower calls keep more instances at once, each with
 * local memory of its own: what counts is the memory of all of them. Pure.
 */
import { formatBytes } from '../../base/units.ts';
import { wantedAtOnce } from './at-once.ts';
import type { Pace } from './pace.ts';
import type { Moved } from './retier.ts';
import { type Parts, type ShareTable, splitBytes, type TiersSpec } from './tiers-spec.ts';

/** What calls of one kind take with a share of local memory. */
export interface ShareLatency {
  /** From 0: none is local, to 1: all is. */
  readonly share: number;
  /** Of a call, at the percentile that its SLO is about. */
  readonly latency_ms: number;
}

/** Calls of one kind that are to be served. */
export interface ShareAsked {
  /** Of one instance. */
  readonly bytes: number;
  readonly slo_ms: number;
  readonly calls_per_s: number;
  /** Beyond the mean number of instances at once, as the pool has it. */
  readonly deviations: number;
}

export interface ShareChoice extends ShareLatency {
  readonly instances: number;
  /** Of all instances together. */
  readonly local_bytes: number;
  readonly keeps_slo: boolean;
}

const MS_PER_S = 1_000;

function choiceOf({ share, latency_ms }: ShareLatency, asked: ShareAsked): ShareChoice {
  const { bytes, slo_ms, calls_per_s, deviations } = asked;
  const gap_ms = MS_PER_S / calls_per_s;
  const instances = calls_per_s > 0 ? wantedAtOnce(gap_ms, latency_ms, deviations) : 1;
  const local_bytes = share * bytes * instances;
  return { share, latency_ms, instances, local_bytes, keeps_slo: latency_ms <= slo_ms };
}

/** Choices that no other one beats in latency and in local memory of all instances, by share. */
export function paretoShares(
  table: readonly ShareLatency[],
  asked: ShareAsked,
): readonly ShareChoice[] {
  const all = table.map((row) => choiceOf(row, asked));
  const beats = (a: ShareChoice, b: ShareChoice): boolean =>
    a.latency_ms <= b.latency_ms &&
    a.local_bytes <= b.local_bytes &&
    (a.latency_ms < b.latency_ms || a.local_bytes < b.local_bytes);
  return all
    .filter((one) => !all.some((other) => beats(other, one)))
    .toSorted((a, b) => a.share - b.share);
}

/**
 * The share with the least local memory of all instances whose calls keep their SLO; where none
 * does, the one whose calls are fastest. Null: the table is empty.
 */
export function chooseShare(table: readonly ShareLatency[], asked: ShareAsked): ShareChoice | null {
  const front = paretoShares(table, asked);
  const kept = front.filter(({ keeps_slo }) => keeps_slo);
  const best = kept.toSorted((a, b) => a.local_bytes - b.local_bytes);
  return best[0] ?? front.toSorted((a, b) => a.latency_ms - b.latency_ms)[0] ?? null;
}

/**
 * What a choice by the memory of one instance alone would be, to be compared with: the least share
 * whose calls keep their SLO. Null: none does.
 */
export function sharePerInstance(
  table: readonly ShareLatency[],
  asked: ShareAsked,
): ShareChoice | null {
  const kept = table.filter(({ latency_ms }) => latency_ms <= asked.slo_ms);
  const [least] = kept.toSorted((a, b) => a.share - b.share);
  return least ? choiceOf(least, asked) : null;
}

/** Instances beyond their mean number, as for a pool of which 99 of 100 calls find one. */
const DEVIATIONS = 2.33;

/** Why an instance got its share. */
export interface ChosenShare {
  readonly share: number;
  /** Of a call, by the table, and what it may take. */
  readonly latency_ms: number;
  readonly slo_ms: number;
  /** Where the table is from. */
  readonly source: ShareTable['source'];
  readonly note: string;
  /** How often its function was called then; null: not known, and it was chosen as for one. */
  readonly calls_per_s: number | null;
  readonly instances: number;
  /** Near memory of all instances. */
  readonly near_bytes: number;
  /** What the memory of one instance alone would have chosen, and that of all of them with it. */
  readonly alone_share: number | null;
  readonly alone_near_bytes: number | null;
}

/** Where the memory of an instance is that has two parts. */
export interface StartedParts extends Parts {
  /** Null: its definition says the share. */
  readonly chosen: ChosenShare | null;
  /** How its unused memory changed its tier last; absent: it never did. */
  readonly moved?: Moved;
  /** What is chosen once the other part cedes, and after that what was before it: a way back. */
  readonly otherwise?: ChosenShare | null;
}

/** What a start of so many bytes has near and far, now. */
export function partsOfStart(
  tiers: TiersSpec,
  bytes: number,
  about: { readonly pace: Pace; readonly now_ms: number },
): StartedParts {
  if (tiers.share !== null || !tiers.table) {
    return { ...splitBytes(bytes, tiers.share ?? 1), chosen: null };
  }
  const chosen = chooseNow(tiers.table, bytes, about);
  return { ...splitBytes(bytes, chosen?.share ?? 1), chosen };
}

/** The share that is chosen by how often a function is called now; null: the table is empty. */
export function chooseNow(
  { rows, slo_ms, source, note }: ShareTable,
  bytes: number,
  { pace, now_ms }: { readonly pace: Pace; readonly now_ms: number },
): ChosenShare | null {
  const calls_per_s = rateOf(pace, now_ms);
  const table = wholeBlocks(rows, bytes);
  const asked = { bytes, slo_ms, calls_per_s: calls_per_s ?? 0, deviations: DEVIATIONS };
  const choice = chooseShare(table, asked);
  if (!choice) return null;
  const alone = sharePerInstance(table, asked);
  const { share, latency_ms, instances, local_bytes } = choice;
  return {
    share,
    latency_ms,
    slo_ms,
    source,
    note,
    calls_per_s,
    instances,
    near_bytes: local_bytes,
    alone_share: alone?.share ?? null,
    alone_near_bytes: alone?.local_bytes ?? null,
  };
}

/** Calls closer together than this are one moment. */
const LEAST_GAP_MS = 1;

/** A function that is not called any more is called more and more seldom. */
function rateOf({ called_at_ms, call_gap_ms }: Pace, now_ms: number): number | null {
  if (called_at_ms === null || call_gap_ms === null) return null;
  return MS_PER_S / Math.max(LEAST_GAP_MS, call_gap_ms, now_ms - called_at_ms);
}

/**
 * The shares that so many bytes can really have, each with what calls take at least with that much:
 * of several that come to the same blocks, the largest is the nearest to it.
 */
function wholeBlocks(rows: readonly ShareLatency[], bytes: number): readonly ShareLatency[] {
  const found = new Map<number, ShareLatency>();
  for (const row of rows.toSorted((a, b) => a.share - b.share)) {
    const share = splitBytes(bytes, row.share).near_bytes / bytes;
    found.set(share, { share, latency_ms: row.latency_ms });
  }
  return [...found.values()];
}

/** Why that share, with the source of its table, and what one instance alone would get. */
export function becauseOf(chosen: ChosenShare): string {
  const { share, latency_ms, slo_ms, source, note, calls_per_s, instances, near_bytes } = chosen;
  const { alone_share, alone_near_bytes } = chosen;
  const rate =
    calls_per_s === null
      ? 'how often it is called is not known'
      : `${calls_per_s.toPrecision(3)} calls a second keep ${instances} at once`;
  const alone =
    alone_share === null
      ? 'no share keeps it'
      : alone_share === share
        ? 'one instance alone would get the same'
        : `one instance alone would get ${alone_share}, ` +
          `${formatBytes(alone_near_bytes ?? 0)} near in all`;
  return (
    `latencies ${source} (${note}): ${latency_ms.toFixed(1)} of ${slo_ms} ms, and ${rate}: ` +
    `${formatBytes(near_bytes)} near in all; ${alone}`
  );
}

/**
 * Which share of an instance's memory is to be local: by what its calls take with each share, and
 * by how many instances that makes there be. Slower calls keep more instances at once, each with
 * local memory of its own: what counts is the memory of all of them. Pure.
 */
import { wantedAtOnce } from './pool-want.ts';

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

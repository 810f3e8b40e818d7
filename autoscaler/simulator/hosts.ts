/**
 * Several hosts: each function is on one of them, where the least work is planned, and each host
 * has memory of its own. Functions do not move, and no call goes elsewhere. Pure.
 */
import { InvocationColumns } from '../trace/columns.ts';
import { spreadByLoad } from '../workload-model/spread.ts';
import type { Played } from './outcome.ts';
import { sumOfReady } from './ready.ts';
import { sumOfParts } from './ready-parts.ts';
import type { SimWorkload } from './workload.ts';

/** Plays each host's part of the workload by itself, and puts together what came of it. */
export function playHosts(
  workload: SimWorkload,
  hosts: number,
  play: (part: SimWorkload) => Played,
): Played {
  if (hosts === 1) return play(workload);
  const host_of = placeFunctions(workload, hosts);
  const parts = Array.from({ length: hosts }, (_, host) => indicesOf(workload, host_of, host));
  const all = parts.map((indices) => play(partOf(workload, indices)));
  const sum = (of: (one: Played) => number): number => all.reduce((has, one) => has + of(one), 0);
  return {
    outcomes: Uint8Array.from(scattered(workload, parts, (host) => all[host]?.outcomes)),
    waits_ms: scattered(workload, parts, (host) => all[host]?.waits_ms),
    slowed_ms: all.every(({ slowed_ms }) => slowed_ms)
      ? scattered(workload, parts, (host) => all[host]?.slowed_ms)
      : null,
    starts: sum(({ starts }) => starts),
    stops: sum(({ stops }) => stops),
    evictions: sum(({ evictions }) => evictions),
    events: sum(({ events }) => events),
    committed: {
      // Each host at its own moment: what all of them must have, not what there was at one.
      peak_bytes: sum(({ committed }) => committed.peak_bytes),
      finish: () =>
        all
          .map(({ committed }) => committed.finish())
          .reduce((has, own) => has.map((one, part) => one + (own[part] ?? 0))),
    },
    busy_byte_ms: sum(({ busy_byte_ms }) => busy_byte_ms),
    peak_instances: mostOf(all.map(({ peak_instances }) => peak_instances)),
    ready: sumOfReady(all.map(({ ready }) => ready)),
    ready_parts: sumOfParts(all.map(({ ready_parts = null }) => ready_parts)),
  };
}

/** The host of each function: those with the most memory times running time first. */
export function placeFunctions(
  { functions, invocations }: SimWorkload,
  hosts: number,
): readonly number[] {
  const planned = new Float64Array(functions.length);
  for (let at = 0; at < invocations.length; at += 1) {
    const fn = invocations.function_index[at] ?? 0;
    const bytes = functions[fn]?.region_bytes ?? 0;
    planned[fn] = (planned[fn] ?? 0) + (invocations.duration_ms[at] ?? 0) * bytes;
  }
  return spreadByLoad(planned, hosts);
}

function indicesOf(
  { invocations }: SimWorkload,
  host_of: readonly number[],
  host: number,
): Uint32Array {
  const all = Uint32Array.from(invocations.function_index.keys());
  return all.filter((at) => host_of[invocations.function_index[at] ?? 0] === host);
}

function partOf(workload: SimWorkload, indices: Uint32Array): SimWorkload {
  const { function_index, arrival_ms, duration_ms } = workload.invocations;
  const invocations = new InvocationColumns(
    indices.map((at) => function_index[at] ?? 0),
    Float64Array.from(indices, (at) => arrival_ms[at] ?? 0),
    Float64Array.from(indices, (at) => duration_ms[at] ?? 0),
  );
  return { ...workload, invocations };
}

/** A column of the whole from those of its parts. */
function scattered(
  { invocations }: SimWorkload,
  parts: readonly Uint32Array[],
  columnOf: (host: number) => ArrayLike<number> | null | undefined,
): Float64Array {
  const whole = new Float64Array(invocations.length);
  for (const [host, indices] of parts.entries()) {
    const column = columnOf(host);
    for (const [own, at] of indices.entries()) whole[at] = column?.[own] ?? Number.NaN;
  }
  return whole;
}

/** A function is on one host only. */
function mostOf(all: readonly (Int32Array | null)[]): Int32Array | null {
  const [first] = all;
  if (!first) return null;
  return first.map((one, fn) => Math.max(one, ...all.map((other) => other?.[fn] ?? 0)));
}

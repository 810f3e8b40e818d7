/**
 * The experiment of the HotMem (Squeezy) paper in its shape, simulated: four bursty functions on a
 * host with 70 % of the memory they would take at their peak (arXiv 2411.12893v2, figure 10). Which
 * functions of the trace they were is not published, so bursts are made from a seed. Pure.
 */
import { GIB, MEMORY_BLOCK_BYTES, roundUp } from '../../base/units.ts';
import {
  PAPER_WAYS,
  paperRow,
  type PaperRow,
  type PaperWay,
  renderPaperRows,
} from '../report/paper-figures.ts';
import { madeBursts, PAPER_BURSTS } from '../trace/bursts.ts';
import { HOTMEM_PAPER } from '../workload-model/models.ts';
import { playFast } from './fast-engine.ts';
import { type HostModel, WIDE_HOST } from './host-model.ts';
import { MECHANISM_MODELS, type MechanismModel } from './mechanism-models.ts';
import type { Played } from './outcome.ts';
import { constantTable } from './table-policies.ts';
import type { SimCosts, SimWorkload } from './workload.ts';

/** Kept free by harvesting; the paper does not say how much. */
const HARVEST_SHARE = 0.1;

export interface PaperResult {
  readonly simulated: true;
  readonly seed: number;
  readonly invocations: number;
  readonly abundant_peak_bytes: number;
  readonly host_limit_bytes: number;
  readonly rows: readonly PaperRow[];
}

export function simulatePaper(seed: number): PaperResult {
  const workload = bursts(seed);
  const table = (): ReturnType<typeof constantTable> =>
    constantTable(
      'fixed-keep-alive',
      workload.functions.length,
      PAPER_BURSTS.keep_alive_ms,
      'oldest',
    );
  const play = (name: string, host: HostModel): Played =>
    playFast(workload, costsOf(modelOf(name)), table(), host);
  const abundant = play('ideal', WIDE_HOST);
  const peak_bytes = abundant.committed.peak_bytes;
  const limit_bytes = Math.floor(PAPER_BURSTS.cap * peak_bytes);
  const capped = { limit_bytes, when_short: 'wait', reserve_bytes: 0 } as const;
  const harvesting = { ...capped, reserve_bytes: Math.floor(HARVEST_SHARE * limit_bytes) };
  const base = latencies(workload, abundant);
  // Abundant gives nothing back: it has its peak from beginning to end.
  const abundant_gib_s = (peak_bytes / GIB) * (workload.window_ms / 1000);
  const rowOf = (way: PaperWay, played: Played): PaperRow => {
    const own = latencies(workload, played);
    const gib_s =
      way === 'abundant'
        ? abundant_gib_s
        : played.committed.finish().reduce((sum, part) => sum + part, 0);
    const ratios = own.map((p99, index) => p99 / (base[index] ?? p99));
    const p99_against_abundant = ratios.reduce((sum, one) => sum + one, 0) / ratios.length;
    return paperRow(way, { p99_against_abundant, gib_s }, abundant_gib_s);
  };
  const playedOf: Readonly<Record<PaperWay, () => Played>> = {
    abundant: () => abundant,
    'virtio-mem': () => play('virtio-mem', capped),
    harvest: () => play('virtio-mem', harvesting),
    hotmem: () => play('hotmem', capped),
  };
  return {
    simulated: true,
    seed,
    invocations: workload.invocations.length,
    abundant_peak_bytes: peak_bytes,
    host_limit_bytes: limit_bytes,
    rows: PAPER_WAYS.map((way) => rowOf(way, playedOf[way]())),
  };
}

function modelOf(name: string): MechanismModel {
  const model = MECHANISM_MODELS.get(name);
  if (!model) throw new RangeError(`there is no mechanism ${name}`);
  return model;
}

/**
 * The paper's VMs have one device, whose regions go one after the other, and while stock memory is
 * migrated away a neighbour takes more than twice as long (figure 9); beside HotMem it does not.
 */
const NEIGHBOUR_SLOWDOWN: Readonly<Record<string, number>> = { 'virtio-mem': 2, hotmem: 1 };

function costsOf(mechanism: MechanismModel): SimCosts {
  const neighbour_slowdown = NEIGHBOUR_SLOWDOWN[mechanism.name];
  const slow = neighbour_slowdown === undefined ? {} : { neighbour_slowdown };
  return { mechanism: { ...mechanism, ...slow }, start_ms: 300, stop_ms: 10 };
}

function bursts(seed: number): SimWorkload {
  const { instances_max, run_ms } = PAPER_BURSTS;
  const functions = HOTMEM_PAPER.profiles.map(({ name, limit_bytes }, index) => {
    const region_bytes = roundUp(limit_bytes, MEMORY_BLOCK_BYTES);
    const sizes = { limit_bytes, region_bytes, concurrency: instances_max };
    return { name: `f${index}`, app: name, func: name, ...sizes };
  });
  const made = { seed, functions: functions.length, instances_max, time_scale: 1 };
  return { functions, invocations: madeBursts(made), window_ms: run_ms };
}

/** The 99th percentile of wait and run of each function, ms. */
function latencies({ functions, invocations }: SimWorkload, played: Played): number[] {
  return functions.map((_, index) => {
    const own: number[] = [];
    for (let at = 0; at < invocations.length; at += 1) {
      if (invocations.function_index[at] !== index) continue;
      const ran_ms = (invocations.duration_ms[at] ?? 0) + (played.slowed_ms?.[at] ?? 0);
      own.push((played.waits_ms[at] ?? 0) + ran_ms);
    }
    own.sort((a, b) => a - b);
    return own[Math.max(0, Math.ceil(0.99 * own.length) - 1)] ?? 0;
  });
}

export function renderPaper({ seed, invocations, host_limit_bytes, rows }: PaperResult): string {
  return `SIMULATED: nothing here was measured. Published: arXiv 2411.12893v2, figure 10.
${invocations} invocations in bursts of four functions (seed ${seed}), 10 min, keep-alive 2 min, host
limit ${(host_limit_bytes / GIB).toFixed(1)} GiB: 70 % of the peak with abundant memory

${renderPaperRows(rows)}`;
}

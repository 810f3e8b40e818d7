/** What `bench simulate` measures: each engine and policy over one made workload, by turns. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { FIXED_KEEP_ALIVE_POLICY } from '../../autoscaler/policy/fixed-keep-alive.ts';
import { EventHeap } from '../../autoscaler/simulator/event-heap.ts';
import { playFast } from '../../autoscaler/simulator/fast-engine.ts';
import { WIDE_HOST } from '../../autoscaler/simulator/host-model.ts';
import { MECHANISM_MODELS } from '../../autoscaler/simulator/mechanism-models.ts';
import { playReference } from '../../autoscaler/simulator/reference-engine.ts';
import { figuresOfRun } from '../../autoscaler/simulator/run-figures.ts';
import { DEFAULT_POOL } from '../../agent/model/pool-spec.ts';
import { pricedTable } from '../../autoscaler/simulator/priced-rests.ts';
import { constantTable, hybridTable } from '../../autoscaler/simulator/table-policies.ts';
import { type SimWorkload, workloadOf } from '../../autoscaler/simulator/workload.ts';
import { InvocationColumns } from '../../autoscaler/trace/columns.ts';
import { generateInvocations, LIKE_2021 } from '../../autoscaler/trace/generate.ts';
import { OPEN_DEFAULTS, openTrace } from '../../autoscaler/trace/open-trace.ts';
import { lines2021 } from '../../autoscaler/trace/text.ts';
import type { Trace } from '../../autoscaler/trace/trace.ts';
import { writeLines } from '../../autoscaler/trace/write-lines.ts';
import { HOTMEM_PAPER } from '../../autoscaler/workload-model/models.ts';
import { GIB } from '../../base/units.ts';
import { benchError } from '../errors.ts';
import { type LinearPoint, measureLinear } from './linear.ts';
import { type Reading, readingOf, readingsOfDay } from './reading.ts';

export interface SimulateBenchPlan {
  readonly invocations: number;
  /** Of the reference engine, which is slower by far. */
  readonly reference_invocations: number;
  readonly rounds: number;
  readonly seed: number;
  /** Applications of the made day of 2019; the published days together have 24,274. */
  readonly apps: number;
  /** Most invocations of the runs that tell whether time is linear in them; null: none is made. */
  readonly linear: number | null;
}

/** One figure of one round; times are of CPU. */
export interface EngineRun {
  readonly what: string;
  readonly round: number;
  readonly events: number;
  readonly cpu_ms: number;
}

export interface SimulateBenchRuns {
  readonly runs: readonly EngineRun[];
  /** The whole way from the file to the figures. */
  readonly whole: { readonly read_ms: number; readonly play_ms: number; readonly told_ms: number };
  readonly peak_resident_bytes: number;
  readonly file_bytes: number;
  /** Of the trace of 2021, and of a day of 2019: its wide file, and all of its files. */
  readonly readings: { readonly rows: Reading; readonly wide: Reading; readonly day: Reading };
  readonly linear: readonly LinearPoint[];
}

const KEEP_ALIVE_MS = 120_000;
/** Of a cold plug, as docs/pool.md has it in the middle of its prices. */
const WORTH_GIB_S = 160;
const WORKLOAD = {
  grouping: 'function',
  model: HOTMEM_PAPER,
  seed: 1,
  concurrency: null,
  tail_ms: KEEP_ALIVE_MS,
} as const;
const COSTS = {
  mechanism: MECHANISM_MODELS.get('hotmem') ?? MECHANISM_MODELS.values().next().value,
  start_ms: 300,
  stop_ms: 10,
};

/** Throws HP_BENCH_INTERRUPTED on `signal`. */
export async function measureSimulator(
  plan: SimulateBenchPlan,
  signal: AbortSignal,
): Promise<SimulateBenchRuns> {
  const folder = await mkdtemp(join(tmpdir(), 'hotplane-bench-'));
  try {
    const path = join(folder, 'made.csv');
    const { invocations, seed } = plan;
    const made = generateInvocations({ ...LIKE_2021, invocations, seed });
    await writeLines(path, lines2021(made), signal);
    const readings = {
      rows: await readingOf([path], plan.rounds, signal),
      ...(await readingsOfDay(join(folder, '2019'), plan, signal)),
    };
    const { whole, workload, file_bytes } = await wholeWay(path);
    const small = firstOf(workload, plan.reference_invocations);
    const runs: EngineRun[] = [];
    // The first is not told: in it the code is compiled while it runs.
    for (let round = -1; round < plan.rounds; round += 1) {
      for (const [what, play] of subjects(workload, small)) {
        await turn();
        if (signal.aborted) throw benchError('HP_BENCH_INTERRUPTED', 'the bench was interrupted.');
        const [events, cpu_ms] = timed(play);
        if (round >= 0) runs.push({ what, round, events, cpu_ms });
      }
    }
    const peak_resident_bytes = process.resourceUsage().maxRSS * 1024;
    const linear = plan.linear === null ? [] : await linearRuns(plan.linear, seed, signal);
    return { runs, whole, peak_resident_bytes, file_bytes, readings, linear };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** As many a day as in the trace of 2021, of the same functions, for as many days as it takes. */
async function linearRuns(
  most: number,
  seed: number,
  signal: AbortSignal,
): Promise<readonly LinearPoint[]> {
  const days = Math.max(1, (LIKE_2021.days * most) / LIKE_2021.invocations);
  const made = generateInvocations({ ...LIKE_2021, invocations: most, days, seed });
  const workload = workloadOf(made, WORKLOAD);
  const play = (invocations: number): number => {
    const part = firstOf(workload, invocations);
    const table = constantTable('f', part.functions.length, KEEP_ALIVE_MS);
    return timed(() => playFast(part, costs(), table).events)[1];
  };
  return await measureLinear(workload.invocations.length, play, signal);
}

async function wholeWay(path: string): Promise<{
  readonly whole: SimulateBenchRuns['whole'];
  readonly workload: SimWorkload;
  readonly file_bytes: number;
}> {
  const begin = process.cpuUsage();
  const trace: Trace = await openTrace([path], OPEN_DEFAULTS);
  const read_ms = cpuMsSince(begin);
  const workload = workloadOf(trace, WORKLOAD);
  const table = constantTable('fixed-keep-alive', workload.functions.length, KEEP_ALIVE_MS);
  const played = playFast(workload, costs(), table);
  const play_ms = cpuMsSince(begin);
  const figures = figuresOfRun(workload, played, { name: '', policy: '', mechanism: '' });
  const told_ms = cpuMsSince(begin);
  if (figures.invocations !== trace.invocations.length) {
    throw benchError('HP_BENCH_CORE', 'the simulator did not play every invocation.');
  }
  return { whole: { read_ms, play_ms, told_ms }, workload, file_bytes: trace.input.bytes };
}

function costs(): Parameters<typeof playFast>[1] {
  const { mechanism, ...times } = COSTS;
  if (!mechanism) throw benchError('HP_BENCH_CORE', 'there is no mechanism to simulate.');
  return { mechanism, ...times };
}

type Play = () => number;

function subjects(workload: SimWorkload, small: SimWorkload): readonly (readonly [string, Play])[] {
  const count = workload.functions.length;
  const limit = { ...WIDE_HOST, limit_bytes: 256 * GIB, when_short: 'wait' } as const;
  const fixed = (): ReturnType<typeof constantTable> => constantTable('f', count, KEEP_ALIVE_MS);
  const dual = (): ReturnType<typeof constantTable> =>
    constantTable('g', count, Number.POSITIVE_INFINITY, 'greedy-dual');
  const pool = { ...DEFAULT_POOL, worth_gib_s: WORTH_GIB_S };
  const reference = {
    policy: FIXED_KEEP_ALIVE_POLICY,
    keep_alive_ms: KEEP_ALIVE_MS,
    limit_bytes: Number.POSITIVE_INFINITY,
  };
  return [
    ['bare heap', () => bareHeap(workload)],
    ['fixed-keep-alive', () => playFast(workload, costs(), fixed()).events],
    ['hybrid-histogram', () => playFast(workload, costs(), hybridTable(count)).events],
    ['pool by a price', () => playFast(workload, costs(), pricedTable(workload, pool)).events],
    ['greedy-dual', () => playFast(workload, costs(), dual(), limit).events],
    ['reference', () => playReference(small, costs(), reference).events],
  ];
}

/** The same arrivals, an end and an expiry for each, and nothing that is decided. */
function bareHeap({ invocations }: SimWorkload): number {
  const { arrival_ms, duration_ms, length } = invocations;
  const heap = new EventHeap();
  let events = 0;
  for (let at = 0; at < length; at += 1) {
    const now_ms = arrival_ms[at] ?? 0;
    while (heap.next_ms <= now_ms) {
      const due_ms = heap.next_ms;
      const is_end = heap.pop() === 1;
      events += 1;
      if (is_end) heap.push(due_ms + KEEP_ALIVE_MS, 0);
    }
    heap.push(now_ms + (duration_ms[at] ?? 0), 1);
    events += 1;
  }
  return events;
}

function firstOf(workload: SimWorkload, most: number): SimWorkload {
  const { function_index, arrival_ms, duration_ms } = workload.invocations;
  const invocations = new InvocationColumns(
    function_index.subarray(0, most),
    arrival_ms.subarray(0, most),
    duration_ms.subarray(0, most),
  );
  return { ...workload, invocations };
}

function timed(play: Play): readonly [events: number, cpu_ms: number] {
  const begin = process.cpuUsage();
  const events = play();
  return [events, cpuMsSince(begin)];
}

function cpuMsSince(begin: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(begin);
  return (user + system) / 1000;
}

/** The whole of `bench agent`: starts the processes, runs every cell, ends the processes. */
import { cpus } from 'node:os';
import type { Progress } from '../../base/progress.ts';
import { agentBenchInterrupted } from './errors.ts';
import { measureLive } from './live.ts';
import { measureCell } from './measure.ts';
import {
  type AgentBenchOptions,
  type AgentCell,
  cellsOf,
  functionOf,
  cellOrderOf,
} from './plan.ts';
import type { AgentBench, CellRun } from './records.ts';
import { measureIdle, measureScale, measureVms } from './scale.ts';
import { AgentStage } from './stage.ts';

export interface AgentBenchRun {
  readonly options: AgentBenchOptions;
  readonly hotplane_version: string;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/**
 * Throws HP_BENCH_AGENT when the agent or a call to it breaks, HP_BENCH_INTERRUPTED on `signal`;
 * nothing it started is left in any case.
 */
export async function runAgentBench(input: AgentBenchRun): Promise<AgentBench> {
  const started_at = new Date().toISOString();
  const stage = await AgentStage.open();
  try {
    const measured = await measureAll(stage, input);
    const told = (count: number): void => input.progress.update(`${count} VMs`);
    const vms = await measureVms(input.options, told, input.signal);
    input.progress.done(`measured ${measured.runs.length} times`);
    return { ...measured, vms, started_at };
  } catch (error) {
    throw input.signal.aborted ? agentBenchInterrupted() : error;
  } finally {
    await stage.close();
  }
}

/** What it is measured on. */
export function benchHost(): AgentBench['host'] {
  return { cpu: cpus()[0]?.model ?? 'unknown', cpus: cpus().length };
}

/** Calls of each kind before any is measured, and the most turns that are made for them. */
const WARM_UP_CALLS = 3_000;
const WARM_UP_TURNS = 8;
/** Of a cell's time, in each turn. */
const WARM_UP_SHARE = 4;

/**
 * Every cell once, and again those of a kind that was called too seldom: until the engine has
 * compiled what is called, which takes calls and no time. A slow or busy host would else be told
 * what the first calls of an agent cost.
 */
async function warmUp(
  stage: AgentStage,
  cells: readonly AgentCell[],
  { options, signal }: Pick<AgentBenchRun, 'options' | 'signal'>,
): Promise<void> {
  const calls = new Map<AgentCell['kind'], number>();
  for (let turn = 0; turn < WARM_UP_TURNS; turn += 1) {
    for (const cell of cells) {
      const made = calls.get(cell.kind) ?? 0;
      if (turn > 0 && made >= WARM_UP_CALLS) continue;
      signal.throwIfAborted();
      const run = await measureCell(stage, cell, options.cell_ms / WARM_UP_SHARE, signal);
      calls.set(cell.kind, made + run.calls);
    }
  }
}

async function measureAll(
  stage: AgentStage,
  { options, hotplane_version, progress, signal }: AgentBenchRun,
): Promise<Omit<AgentBench, 'started_at' | 'vms'>> {
  const cells = cellsOf();
  const order = cellOrderOf(cells, options.rounds);
  const steps = order.length + 4;
  let step = 0;
  const begin = (label: string): void => {
    signal.throwIfAborted();
    step += 1;
    progress.step(step, steps, label);
  };
  const names = await deployAll(stage);
  begin('warming up');
  await warmUp(stage, cells, { options, signal });
  const rss_first_bytes = (await stage.agentUsage()).rss_bytes;
  const runs: CellRun[] = [];
  for (const cell of order) {
    begin(`${cell.name}, ${cell.regions} regions, ${cell.in_flight} open`);
    runs.push(await measureCell(stage, cell, options.cell_ms, signal));
  }
  const rss_last_bytes = (await stage.agentUsage()).rss_bytes;
  for (const name of names) await stage.client.remove(name);
  begin('a reader of the live state');
  const live = await measureLive(stage, options.cell_ms, signal);
  begin(`${options.functions} functions`);
  const told = (count: number): void => progress.update(`${count} deployed`);
  const scale = await measureScale(stage, options, told, signal);
  begin('idle');
  const idle = await measureIdle(stage, options.idle_ms, signal);
  const host = benchHost();
  return {
    format: 'hotplane-bench-agent/1',
    hotplane_version,
    node_version: process.version,
    host,
    options,
    runs,
    scale,
    live,
    idle,
    rss_first_bytes,
    rss_last_bytes,
  };
}

/** One function for each kind and number of regions; its name. */
async function deployAll(stage: AgentStage): Promise<string[]> {
  const called = cellsOf().filter(({ kind }) => kind !== 'echo');
  const names = new Map(called.map((cell) => [functionOf(cell), cell]));
  for (const [name, { regions, kind }] of names) {
    await stage.deploy(name, regions, kind !== 'cycle');
  }
  return [...names.keys()];
}

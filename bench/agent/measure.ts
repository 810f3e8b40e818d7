/** Measures one cell: a loop of calls with what the processes used around it. */
import { performance } from 'node:perf_hooks';
import { LIMITS } from '../../base/limits.ts';
import { hostClock } from '../../base/clock.ts';
import { waitFor } from '../../base/wait.ts';
import { emulated } from '../../agent/model/work.ts';
import { agentBenchBroken } from './errors.ts';
import type { Usage } from './child-messages.ts';
import { echo } from './echo.ts';
import { latencyOf, runLoop } from './loop.ts';
import { cpuUs, mark, othersBetween } from './marks.ts';
import { type AgentCell, functionOf } from './plan.ts';
import type { CellRun, Latency } from './records.ts';
import type { AgentStage } from './stage.ts';

const US_PER_MS = 1_000;

/** A cell with the time that each of its calls took. */
export interface TimedRun {
  readonly run: CellRun;
  readonly latencies: readonly number[];
}

export async function measureCell(
  stage: AgentStage,
  cell: AgentCell,
  for_ms: number,
  signal: AbortSignal,
): Promise<CellRun> {
  return (await measureTimed(stage, cell, for_ms, signal)).run;
}

export async function measureTimed(
  stage: AgentStage,
  cell: AgentCell,
  for_ms: number,
  signal: AbortSignal,
): Promise<TimedRun> {
  const before = await mark(stage);
  const { latencies, floor } = await callOn(stage, cell, for_ms, signal);
  const loop_ms = performance.now() - before.at_ms;
  const process = cell.kind === 'echo' ? 'peer' : 'agent';
  const { lag_ms } = await stage[process].usage();
  if (cell.kind === 'cycle') await settle(stage, cell, before.agent);
  const after = await mark(stage);
  const run = {
    cell,
    calls: latencies.length,
    cycles: after.agent.unplugs - before.agent.unplugs,
    wall_ms: loop_ms,
    cpu_ms: (cpuUs(after[process]) - cpuUs(before[process])) / US_PER_MS,
    latency: latencyOf(latencies),
    floor_latency: floor,
    lag: { p50_ms: lag_ms.p50, p99_ms: lag_ms.p99, max_ms: lag_ms.max },
    rss_bytes: after[process].rss_bytes,
    heap_bytes: after[process].heap_bytes,
    others_share: othersBetween(before, after),
  };
  return { run, latencies };
}

interface Calls {
  readonly latencies: readonly number[];
  readonly floor: Latency | null;
}

async function callOn(
  stage: AgentStage,
  cell: AgentCell,
  for_ms: number,
  signal: AbortSignal,
): Promise<Calls> {
  const { in_flight } = cell;
  const ask = (): Promise<void> => echo(stage.echo_client, LIMITS.agent_call_ms);
  const invoke = (): Promise<void> => invokeOnce(stage, functionOf(cell));
  if (cell.kind !== 'added') {
    const call = cell.kind === 'echo' ? ask : invoke;
    return { latencies: await runLoop({ call, in_flight, for_ms, signal }), floor: null };
  }
  const floor: number[] = [];
  const latencies: number[] = [];
  const call = async (): Promise<void> => {
    latencies.push(await timed(invoke));
    floor.push(await timed(ask));
  };
  await runLoop({ call, in_flight, for_ms, signal });
  return { latencies, floor: latencyOf(floor) };
}

async function timed(call: () => Promise<void>): Promise<number> {
  const begin_ms = performance.now();
  await call();
  return performance.now() - begin_ms;
}

const NO_WORK = emulated({ anonymous_bytes: 0, file_bytes: 0, cpu_ms: 0, wall_ms: 0 });

async function invokeOnce(stage: AgentStage, name: string): Promise<void> {
  const answer = await stage.client.invoke({ function: name, invocation_id: 'bench', ...NO_WORK });
  if (answer.outcome === 'done') return;
  throw agentBenchBroken(`a call was not served: ${answer.error_code} ${answer.reason}`);
}

/** Until every plug since `before` was followed by its unplug. */
async function settle(stage: AgentStage, cell: AgentCell, before: Usage): Promise<void> {
  await stage.client.drain(functionOf(cell));
  const level = async (): Promise<true | null> => {
    const { plugs, unplugs } = await stage.agentUsage();
    return plugs - before.plugs === unplugs - before.unplugs ? true : null;
  };
  if (await waitFor(level, { clock: hostClock, deadline_ms: LIMITS.unplug_ms })) return;
  throw agentBenchBroken('regions stay plugged after the end of their instances.');
}

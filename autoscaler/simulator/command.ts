/**
 * `hotplane simulate sizing`: reads or makes memory of functions, plays it, and prints what it
 * costs.
 */
import { setImmediate } from 'node:timers/promises';
import { createProgress, type Progress, type ProgressStream } from '../../base/progress.ts';
import { GIB } from '../../base/units.ts';
import { readAgentCgroup } from '../trace/agentcgroup.ts';
import { readAzure2019Memory } from '../trace/azure2019-memory.ts';
import { makeApps, makeSeries } from '../trace/made-series.ts';
import type { AppMemory, MemorySeries } from '../trace/memory-series.ts';
import { renderSizingChart } from './chart.ts';
import { changesCheck, sizingChecksOf, figuresOf } from './figures.ts';
import type { InstanceModel } from './instance.ts';
import { renderSizing, type SizingGroup, type SizingResult } from './result.ts';
import {
  addSums,
  APP_CLASSES,
  type AppClass,
  drawApps,
  noSums,
  playApp,
  playSeries,
  type StrategySums,
  type Sums,
} from './sizing.ts';
import { STRATEGIES } from './strategies.ts';

export interface SizingCommandInput {
  /** Files of memory percentiles; none: made applications, unless there are series. */
  readonly azure2019: readonly string[];
  /** Files of memory series; none: made series, unless there are percentiles. */
  readonly series: readonly string[];
  /** Of each class. */
  readonly functions: number;
  readonly invocations: number;
  readonly duration_ms: number;
  readonly growth_ms: number;
  readonly touch_ms_per_gib: number;
  /** Growth is asked for when somebody waits, not ahead. */
  readonly is_reactive: boolean;
  readonly seed: number;
  /** The plot of the first series goes here; null: nowhere. */
  readonly writeSvg: ((svg: string) => Promise<void>) | null;
  readonly json: boolean;
  readonly stdout: { write(text: string): unknown };
  readonly stderr: ProgressStream;
  readonly signal: AbortSignal;
}

/** Throws `HP_TRACE_*`. */
export async function runSizingCommand(input: SizingCommandInput): Promise<void> {
  const progress = createProgress({ stream: input.stderr });
  const model = modelOf(input);
  const is_made = input.azure2019.length + input.series.length === 0;
  const apps = is_made
    ? makeApps(input.seed, input.functions * APP_CLASSES.length)
    : await readApps(input);
  const all_series = is_made ? makeSeries(input.seed) : await readAll(input.series, input.signal);
  const groups: SizingGroup[] = [];
  if (all_series.length > 0) {
    const name = is_made ? 'made series' : 'series';
    groups.push(groupOf(name, 1, playSeries(all_series, model)));
  }
  const played = await playApps(input, apps, model, progress);
  const result: SizingResult = {
    simulated: true,
    inputs: is_made ? ['made from the seed'] : [...input.azure2019, ...input.series],
    seed: input.seed,
    growth: input.is_reactive ? 'when somebody waits' : 'ahead, with a reserve',
    assumed: {
      growth_ms: input.growth_ms,
      touch_ms_per_gib: input.touch_ms_per_gib,
      duration_ms: input.duration_ms,
      invocations: input.invocations,
    },
    groups: [...groups, ...played.groups],
    checks: played.checks,
  };
  const [first] = all_series;
  if (input.writeSvg && first) await input.writeSvg(renderSizingChart(first, model));
  input.stdout.write(input.json ? `${JSON.stringify(result, null, 2)}\n` : renderSizing(result));
}

function modelOf({ growth_ms, touch_ms_per_gib, is_reactive }: SizingCommandInput): InstanceModel {
  const costs = { event_ms: 0, permit_ms: 0, plug_p99_ms: growth_ms };
  return {
    costs: { ...costs, refault_ms_per_gib: touch_ms_per_gib },
    touch_bytes_per_ms: GIB / touch_ms_per_gib,
    is_reactive,
  };
}

async function readApps(input: SizingCommandInput): Promise<AppMemory[]> {
  const files: AppMemory[][] = [];
  for (const path of input.azure2019)
    files.push([...(await readAzure2019Memory(path, input.signal))]);
  return files.flat();
}

async function readAll(paths: readonly string[], signal: AbortSignal): Promise<MemorySeries[]> {
  const all: MemorySeries[] = [];
  for (const path of paths) {
    signal.throwIfAborted();
    all.push(await readAgentCgroup(path));
  }
  return all;
}

/** Function by function; between two of them the process looks at its signals. */
async function playApps(
  input: SizingCommandInput,
  apps: readonly AppMemory[],
  model: InstanceModel,
  progress: Progress,
): Promise<Pick<SizingResult, 'groups' | 'checks'>> {
  const drawn = drawApps(apps, input.functions, input.seed);
  const by_class = new Map<AppClass, { functions: number; sums: Map<string, StrategySums> }>();
  const changes: (readonly number[])[] = [];
  for (const [index, { app, app_class }] of drawn.entries()) {
    await setImmediate();
    input.signal.throwIfAborted();
    if (index === 0) progress.step(1, 1, 'simulating');
    progress.update(`function ${index + 1} of ${drawn.length}, ${app_class}`);
    const played = playApp(app, { ...input, seed: input.seed + index, model });
    const known = by_class.get(app_class) ?? {
      functions: 0,
      sums: new Map(STRATEGIES.map(({ name }) => [name, noSums()])),
    };
    known.functions += 1;
    by_class.set(app_class, known);
    for (const [name, sums] of known.sums) addSums(sums, played.sums.get(name) ?? {});
    changes.push(played.changes);
  }
  if (drawn.length > 0) progress.done(`simulated ${drawn.length} functions`);
  const groups: SizingGroup[] = [];
  const checks = drawn.length > 0 ? [changesCheck(changes, input.invocations)] : [];
  for (const [app_class, { functions, sums }] of by_class) {
    groups.push(groupOf(app_class, functions, sums));
    checks.push(...sizingChecksOf(app_class, sums));
  }
  return { groups, checks };
}

function groupOf(name: string, functions: number, sums: Sums): SizingGroup {
  const strategies = [...sums].map(([strategy, of]) => figuresOf(strategy, of));
  return { name, functions, strategies };
}

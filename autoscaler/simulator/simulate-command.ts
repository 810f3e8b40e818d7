/** `hotplane simulate`: a published trace, policies over it, and what they cost. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { writeWhole } from '../../base/files.ts';
import { jsonDocument } from '../../base/json.ts';
import { makeFolder } from '../../base/make-folder.ts';
import { resultsExist } from '../results/errors.ts';
import { readResults } from '../results/reader.ts';
import { asSimulation, type Simulation, SIMULATION_FILE } from '../results/simulation.ts';
import { type OpenOptions, openTrace } from '../trace/open-trace.ts';
import type { Grouping } from '../trace/select.ts';
import type { MemoryModel } from '../workload-model/models.ts';
import { calibrated } from './calibrate.ts';
import { coldStartsCsv, renderColdStarts } from './cold-start-plot.ts';
import { badSimulateOption } from './errors.ts';
import type { HostModel } from './host-model.ts';
import { MECHANISM_MODELS, type MechanismModel } from './mechanism-models.ts';
import { renderMemoryOverTime } from './memory-plot.ts';
import { renderRungs, RUNGS_FILES, rungsCsv } from './rungs-plot.ts';
import { renderSimulation } from './simulate-text.ts';
import { NEEDS_LIMIT, needsReference, playsNot } from './simulation.ts';
import { type PolicyChoice, simulate } from './simulation.ts';
import { writeTraceRuns } from './trace-runs.ts';
import { workloadOf } from './workload.ts';

export interface SimulateInput {
  readonly traces: readonly string[];
  readonly open: OpenOptions;
  readonly choices: readonly PolicyChoice[];
  readonly engine: 'fast' | 'reference';
  readonly mechanism: string;
  /** A folder of results to take the mechanism's times from. */
  readonly calibrate: string | null;
  readonly start_ms: number;
  readonly stop_ms: number;
  readonly host: HostModel;
  /** So many of them. */
  readonly hosts: number;
  readonly grouping: Grouping;
  readonly model: MemoryModel;
  readonly concurrency: number | null;
  /** Null: only printed. */
  readonly out: string | null;
  /** Lines of every run, however many there are. */
  readonly lines: boolean;
  /** Every option as text, for the record. */
  readonly options: Readonly<Record<string, string>>;
  readonly hotplane_version: string;
  readonly json: boolean;
  readonly stdout: { write(text: string): unknown };
  readonly signal: AbortSignal;
}

/** Measured beyond the last planned end and its keep-alive. */
const TAIL_MS = 10_000;

/** Throws `HP_TRACE_*`, `HP_SIMULATE_*`, `HP_RESULTS_*`. */
export async function runSimulateCommand(input: SimulateInput): Promise<void> {
  checkOptions(input);
  const { out, signal, start_ms, stop_ms, host, hosts, engine, choices } = input;
  if (out !== null && existsSync(join(out, SIMULATION_FILE))) throw resultsExist(out);
  const mechanism = await modelOf(input);
  const trace = await openTrace(input.traces, input.open);
  const keep_alive_ms = Math.max(...choices.map((one) => one.keep_alive_ms));
  const workload = workloadOf(trace, {
    ...input,
    seed: input.open.seed,
    tail_ms: keep_alive_ms + TAIL_MS,
  });
  const costs = { mechanism, start_ms, stop_ms };
  const told = await simulate({ workload, costs, host, hosts, choices, engine }, signal);
  const { name, source, plug, unplug } = mechanism;
  const simulation = asSimulation({
    hotplane: input.hotplane_version,
    seed: input.open.seed,
    engine,
    inputs: (trace.inputs ?? [trace.input]).map((one) => ({ ...one })),
    options: { ...input.options },
    rules: Object.fromEntries(trace.rules.map(({ rule, count }) => [rule, count])),
    functions: workload.functions.length,
    mechanism: { name, source, plug: { ...plug }, unplug: { ...unplug }, start_ms, stop_ms },
    ...told,
  });
  let folders: string[] = [];
  if (out !== null) {
    await writeFolder(out, simulation);
    if (hosts === 1) folders = await writeTraceRuns({ ...input, out }, trace, workload, costs);
  }
  if (input.json) return void input.stdout.write(jsonDocument(simulation));
  input.stdout.write(renderSimulation(simulation));
  if (out !== null) input.stdout.write(`\n${folderText(folders, hosts)}\n`);
}

function folderText(folders: readonly string[], hosts: number): string {
  if (hosts > 1) return 'no lines of several hosts are written, figures and plots alone';
  if (folders.length === 0) return 'no lines of so many invocations are written; see --lines';
  return `as result folders, with a report each: ${folders.join(', ')}`;
}

function checkOptions({ choices, host, engine }: SimulateInput): void {
  const needs_limit = choices.some(({ policy }) => NEEDS_LIMIT.has(policy));
  if (needs_limit && host.limit_bytes === Number.POSITIVE_INFINITY) {
    throw badSimulateOption(
      'host-limit',
      'is needed: the policy lets instances go only for memory',
    );
  }
  const unknown = choices.find(needsReference);
  if (engine === 'fast' && unknown) throw playsNot(unknown);
}

async function modelOf({ mechanism, calibrate }: SimulateInput): Promise<MechanismModel> {
  if (calibrate !== null) return calibrated(await readResults(calibrate), mechanism, calibrate);
  const model = MECHANISM_MODELS.get(mechanism);
  if (model?.gives_back) return model;
  const names = [...MECHANISM_MODELS.values()]
    .filter((one) => one.gives_back)
    .map((one) => one.name);
  throw badSimulateOption('mechanism', `is one of ${names.join(', ')}; static is told beside them`);
}

/** The figures, and plots with what they are made of. */
async function writeFolder(folder: string, simulation: Simulation): Promise<void> {
  await makeFolder(folder);
  const { runs } = simulation;
  const head = ['end_s', ...runs.map(({ name }) => `"${name} GiB"`)].join(',');
  const parts = runs[0]?.committed_gib_s_parts.length ?? 0;
  const part_s = (runs[0]?.window_ms ?? 0) / 1000 / Math.max(1, parts);
  const rows = Array.from({ length: parts }, (_, at) =>
    [(at + 1) * part_s, ...runs.map((run) => (run.committed_gib_s_parts[at] ?? 0) / part_s)].join(
      ',',
    ),
  );
  await writeWhole(join(folder, 'memory.csv'), `${[head, ...rows].join('\n')}\n`);
  await writeWhole(join(folder, 'memory.svg'), renderMemoryOverTime(simulation));
  await writeWhole(join(folder, 'cold-starts.csv'), coldStartsCsv(simulation));
  await writeWhole(join(folder, 'cold-starts.svg'), renderColdStarts(simulation));
  const rungs = renderRungs(simulation);
  if (rungs !== null) {
    await writeWhole(join(folder, RUNGS_FILES.csv), rungsCsv(simulation));
    await writeWhole(join(folder, RUNGS_FILES.svg), rungs);
  }
  await writeWhole(join(folder, SIMULATION_FILE), jsonDocument(simulation));
}

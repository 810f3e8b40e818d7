/** `hotplane simulate dags`: a trace of DAGs, served in several ways, and how many are in time. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { writeWhole } from '../../../base/files.ts';
import { jsonDocument } from '../../../base/json.ts';
import { makeFolder } from '../../../base/make-folder.ts';
import { createProgress, type ProgressStream } from '../../../base/progress.ts';
import { resultsExist } from '../../results/errors.ts';
import type { DagTrace } from '../../trace/dags/dag-trace.ts';
import { badSimulateOption, simulateInterrupted } from '../errors.ts';
import { MECHANISM_MODELS } from '../mechanism-models.ts';
import { dagArms } from './arms.ts';
import { dagChartCsv, renderDagChart } from './chart.ts';
import { busyGibS, type DagFigures, dagFigures, hopelessCalls } from './figures.ts';
import { playDags } from './player.ts';
import { renderSlackChart, slackCsv } from './slack-chart.ts';
import type { DagSimulation } from './simulation.ts';
import { renderDags } from './text.ts';

const DAG_SIMULATION_FILE = 'dags.json';

export interface SimulateDagsInput {
  readonly trace: DagTrace;
  readonly mechanism: string;
  readonly start_ms: number;
  readonly stop_ms: number;
  readonly limit_bytes: number;
  readonly keep_alive_ms: number;
  readonly ready_ms: number;
  /** Calls until then are played and not counted. */
  readonly warm_up_ms: number;
  /** Null: only printed. */
  readonly out: string | null;
  /** Every option as text, for the record. */
  readonly options: Readonly<Record<string, string>>;
  readonly hotplane_version: string;
  readonly json: boolean;
  readonly stdout: { write(text: string): unknown };
  readonly stderr: ProgressStream;
  readonly signal: AbortSignal;
}

/** Throws `HP_SIMULATE_*`, `HP_RESULTS_*`. */
export async function runSimulateDags(input: SimulateDagsInput): Promise<void> {
  const { trace, out, signal, start_ms, stop_ms, warm_up_ms } = input;
  if (out !== null && existsSync(join(out, DAG_SIMULATION_FILE))) throw resultsExist(out);
  if (!trace.calls.some(({ at_ms }) => at_ms >= warm_up_ms)) {
    throw badSimulateOption('warm-up', 'leaves no call');
  }
  const mechanism = MECHANISM_MODELS.get(input.mechanism);
  if (!mechanism) {
    const names = [...MECHANISM_MODELS.keys()].join(', ');
    throw badSimulateOption('mechanism', `is one of ${names}`);
  }
  const progress = createProgress({ stream: input.stderr });
  const runs: DagFigures[] = [];
  const arms = dagArms(input.keep_alive_ms, input.ready_ms);
  for (const [index, arm] of arms.entries()) {
    await turn();
    if (signal.aborted) throw simulateInterrupted();
    progress.step(index + 1, arms.length, arm.name);
    const played = playDags(trace, { mechanism, start_ms, stop_ms }, input.limit_bytes, arm);
    runs.push(dagFigures(arm.name, trace, played, warm_up_ms));
  }
  progress.done(`simulated ${arms.length} ways`);
  const { name, source } = mechanism;
  const simulation: DagSimulation = {
    format: 'hotplane-simulate-dags/1',
    simulated: true,
    hotplane_version: input.hotplane_version,
    options: input.options,
    trace: { ...factsOf(trace, warm_up_ms) },
    mechanism: { name, source, start_ms },
    runs,
  };
  if (out !== null) await writeFolder(out, simulation);
  input.stdout.write(input.json ? jsonDocument(simulation) : renderDags(simulation));
}

function factsOf(trace: DagTrace, warm_up_ms: number): DagSimulation['trace'] {
  const { head, calls, dags, functions } = trace;
  return {
    kind: head.kind,
    made_of: head.made_of,
    calls: calls.length,
    dags: dags.length,
    functions: functions.length,
    window_ms: head.window_ms,
    warm_up_ms,
    hopeless: hopelessCalls(trace, warm_up_ms),
    busy_gib_s: busyGibS(trace),
  };
}

async function writeFolder(folder: string, simulation: DagSimulation): Promise<void> {
  await makeFolder(folder);
  await writeWhole(join(folder, 'deadlines.svg'), renderDagChart(simulation.runs));
  await writeWhole(join(folder, 'deadlines.csv'), dagChartCsv(simulation.runs));
  await writeWhole(join(folder, 'slack.svg'), renderSlackChart(simulation.runs));
  await writeWhole(join(folder, 'slack.csv'), slackCsv(simulation.runs));
  await writeWhole(join(folder, DAG_SIMULATION_FILE), jsonDocument(simulation));
}

/** `hotplane simulate --from DIR`: what the simulator would have said of a live run. */
import { readResults, type ResultData } from '../results/reader.ts';
import { runCompareCommand } from '../report/compare-command.ts';
import { inRunTime } from '../results/run-time.ts';
import { FIXED_KEEP_ALIVE } from '../policy/fixed-keep-alive.ts';
import { agentsOf, badSimulateOption } from './errors.ts';
import { playFast } from './fast-engine.ts';
import { type HostModel, WIDE_HOST } from './host-model.ts';
import { regionLimits } from './live-limit.ts';
import { costsOfRun, type LivePlan, planOfRun } from './live-plan.ts';
import { writeSimulatedRun, type SimulatedRun } from './result-folder.ts';
import { RunRecorder } from './run-recorder.ts';
import { hybridTable, type TablePolicy } from './table-policies.ts';

export interface SimulateLiveInput {
  readonly from: string;
  /** Whose operations tell what mechanisms take; the run's own where nobody names another. */
  readonly calibrate: string | null;
  readonly out: string;
  readonly hotplane_version: string;
  readonly json: boolean;
  readonly stdout: { write(text: string): unknown };
  readonly signal: AbortSignal;
}

/** Throws `HP_RESULTS_*`, `HP_SIMULATE_*`. */
export async function runSimulateLive(input: SimulateLiveInput): Promise<void> {
  const live = await readResults(input.from);
  checkOneHost(live);
  const measured = input.calibrate === null ? live : await readResults(input.calibrate);
  const source = input.calibrate ?? input.from;
  const plan = planOfRun(live);
  if (plan.workload.invocations.length === 0) {
    throw badSimulateOption('from', `${input.from} has no invocation that could be simulated`);
  }
  const limits = await regionLimits(input.from, live.manifest);
  const runs = live.manifest.mechanisms
    .filter(({ status }) => status !== 'waiting')
    .map(({ name }) => {
      const host = hostOf(limits.get(name) ?? Number.POSITIVE_INFINITY);
      return simulateOne(live, plan, costsOfRun(measured, name, source), host);
    });
  const { manifest } = live;
  const about = {
    ...manifest,
    command: ['hotplane', 'simulate', '--from', input.from],
    provenance: null,
    repeat_of: { folder: input.from, started_at: manifest.started_at, differences: [] },
    resumed_from: null,
    versions: { ...manifest.versions, hotplane: input.hotplane_version, agent: '' },
  };
  await writeSimulatedRun(input.out, about, 'fast', runs);
  const folders = [input.from, input.out];
  await runCompareCommand({ ...input, folders, seed: manifest.seed, svg: null });
}

/** Throws `HP_SIMULATE_OPTION`: memory of several agents is not taken for that of one. */
function checkOneHost({ manifest }: ResultData): void {
  const agents = agentsOf(manifest.options);
  if (agents > 1) throw badSimulateOption('from', `is of ${agents} agents; one alone is foretold`);
}

function simulateOne(
  { manifest }: ResultData,
  plan: LivePlan,
  costs: SimulatedRun['costs'],
  host: HostModel,
): SimulatedRun {
  const { workload, boot_bytes } = plan;
  const recorder = new RunRecorder(workload, costs);
  // What is never given back is there from the beginning.
  const limits = costs.mechanism.gives_back ? host : WIDE_HOST;
  playFast(workload, costs, tableOf(manifest.policy.name, plan), limits, recorder);
  const held = workload.functions.map(({ region_bytes, concurrency }) =>
    costs.mechanism.gives_back ? 0 : region_bytes * concurrency,
  );
  const lines = recorder.finish(boot_bytes, held);
  return { costs, lines: measuredFrom(manifest.window.warm_up?.ms ?? 0, lines) };
}

/** A start that lacks memory waits, and who is idle longest gives way, as the agent has it. */
function hostOf(limit_bytes: number): HostModel {
  return { limit_bytes, when_short: 'wait', reserve_bytes: 0 };
}

/** The moments of the run count from the end of its warm-up, as those of the live one do. */
function measuredFrom(warm_up_ms: number, lines: SimulatedRun['lines']): SimulatedRun['lines'] {
  if (warm_up_ms === 0) return lines;
  const moved = <T extends { readonly mechanism: string }>(line: T): T =>
    inRunTime(line, { mechanism: line.mechanism, start_ms: warm_up_ms });
  return {
    operations: lines.operations.map(moved),
    invocations: lines.invocations.map(moved),
    memory: lines.memory.map(moved),
  };
}

const HYBRID = 'hybrid-histogram';

/** Throws `HP_SIMULATE_OPTION`: what is not played is not taken for something else. */
function tableOf(policy: string, { keep_alive_ms }: LivePlan): TablePolicy {
  if (policy === HYBRID) return { ...hybridTable(keep_alive_ms.length), eviction: 'oldest' };
  if (policy !== FIXED_KEEP_ALIVE) {
    const played = `a prediction plays ${FIXED_KEEP_ALIVE} and ${HYBRID}`;
    throw badSimulateOption('from', `is of a run under ${policy}; ${played}`);
  }
  return {
    name: policy,
    eviction: 'oldest',
    keep_alive_ms: Float64Array.from(keep_alive_ms),
    prewarm_ms: new Float64Array(keep_alive_ms.length),
  };
}

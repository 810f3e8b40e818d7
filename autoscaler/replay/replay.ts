/** `hotplane replay`: one plan, replayed under each mechanism in turn, into one result folder. */
import type { Clock } from '../../base/clock.ts';
import { fixedKeepAlive } from '../policy/fixed-keep-alive.ts';
import { rebuildReport } from '../report/rebuild.ts';
import type { Summary } from '../report/summary.ts';
import type { Manifest, MechanismRun } from '../results/schema.ts';
import { ResultWriter } from '../results/writer.ts';
import { readAzure2021 } from '../trace/azure2021.ts';
import { selectMostInvoked } from '../trace/select.ts';
import type { AgentApi } from './agent-api.ts';
import { interrupted } from './errors.ts';
import type { LoadSample } from './load.ts';
import { buildManifest, waitingRun, type ManifestInputs, type RunFacts } from './manifest.ts';
import type { ReplayOptions } from './options.ts';
import { buildPlan, deploySpec } from './plan.ts';
import type { ProgressSink } from './progress.ts';
import { runMechanism } from './run-mechanism.ts';

/** An agent to replay against, and how to be done with it. */
export interface AgentSession {
  readonly api: AgentApi;
  /** Started for this replay: close() ends the agent and its VMs. */
  readonly is_ours: boolean;
  /** Ends what was started for this replay; safe after a failure. */
  close(): Promise<void>;
}

export interface ReplayDependencies {
  readonly clock: Clock;
  readonly progress: ProgressSink;
  readonly facts: RunFacts;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  /** Told where the results so far are, when the run did not end well. */
  readonly onKept: (folder: string) => void;
  /** Told why summary and report could not be made of a run that did not end well. */
  readonly onUnreported: (error: unknown) => void;
  /** One look at the machine; `agent_pid` null: not known. */
  readonly lookAtLoad: (agent_pid: number | null) => LoadSample;
  /** Called once, after every input has been checked. */
  openAgent(signal: AbortSignal): Promise<AgentSession>;
}

/**
 * Resolves with the summary of a complete run. Otherwise throws, after the results so far, their
 * summary and report are written and everything that was started has ended.
 */
export async function replay(options: ReplayOptions, deps: ReplayDependencies): Promise<Summary> {
  const inputs = await prepare(options, deps.facts);
  const writer = new ResultWriter(options.out);
  const runs = options.mechanisms.map(waitingRun);
  const note = (status: Manifest['status']): void =>
    writer.manifest(buildManifest(inputs, status, runs));
  note('running');
  let problem: unknown = null;
  let session: AgentSession | null = null;
  try {
    session = await deps.openAgent(deps.signal);
    const { api } = session;
    const { version, pid } = await api.status('', { signal: deps.signal });
    inputs.facts = withAgent(inputs.facts, version);
    problem = await replayAll(inputs, deps, { ...session, pid: pid || null }, writer, runs, note);
  } catch (error) {
    problem = error;
  }
  const closed = await settle(session?.close());
  problem ??= closed;
  const is_interrupted = deps.signal.aborted && runs.some((run) => run.status !== 'complete');
  const failed = problem === null ? 'complete' : 'failed';
  note(is_interrupted ? 'interrupted' : failed);
  writer.close();
  if (is_interrupted || problem !== null) {
    const unreported = await settle(rebuildReport(options.out));
    if (unreported !== null) deps.onUnreported(unreported);
    if (is_interrupted) throw interrupted(options.out);
    deps.onKept(options.out);
    throw problem;
  }
  return await rebuildReport(options.out);
}

type MutableInputs = Omit<ManifestInputs, 'facts'> & { facts: RunFacts };

/** Everything that can be wrong with the inputs is found here, before anything is started. */
async function prepare(options: ReplayOptions, facts: RunFacts): Promise<MutableInputs> {
  const trace = await readAzure2021(options.trace);
  const selection = selectMostInvoked(trace, options.functions, options.grouping);
  const keep_alive_ms = Math.round((options.keep_alive_s * 1e6) / options.speedup) / 1000;
  const policy = fixedKeepAlive(keep_alive_ms);
  const plan = buildPlan(
    selection,
    {
      speedup: options.speedup,
      model: options.memory_model,
      mapping: options.memory_map,
      seed: options.seed,
      sizing: {
        scale: options.memory_scale,
        touched_share: options.touched_share,
        file_share: options.file_share,
        most_vcpus: options.most_vcpus,
        boot_base_bytes: options.boot_base_bytes,
      },
      concurrency: options.concurrency,
      cpu_share: options.cpu_share,
    },
    policy,
  );
  return { options, trace, selection, plan, policy_name: policy.name, keep_alive_ms, facts };
}

/** The first problem, or null. A mechanism that fails does not keep the next from its turn. */
async function replayAll(
  inputs: ManifestInputs,
  deps: ReplayDependencies,
  session: AgentSession & { readonly pid: number | null },
  writer: ResultWriter,
  runs: MechanismRun[],
  note: (status: Manifest['status']) => void,
): Promise<Error | null> {
  const { options, plan } = inputs;
  const agent_pid = session.pid;
  let problem: Error | null = null;
  for (const [index, mechanism] of options.mechanisms.entries()) {
    if (deps.signal.aborted) break;
    runs[index] = { ...waitingRun(mechanism), status: 'running' };
    note('running');
    const result = await runMechanism({
      mechanism,
      position: index + 1,
      of: options.mechanisms.length,
      plan,
      specs: plan.functions.map((one) => deploySpec(one, mechanism, options)),
      agent: session.api,
      agent_is_ours: session.is_ours,
      clock: deps.clock,
      sink: writer,
      progress: deps.progress,
      signal: deps.signal,
      lookAtLoad: () => deps.lookAtLoad(agent_pid),
    });
    runs[index] = result.run;
    note('running');
    problem ??= result.error;
  }
  return problem;
}

function withAgent(facts: RunFacts, agent: string): RunFacts {
  return { ...facts, versions: { ...facts.versions, agent } };
}

async function settle(promise: Promise<unknown> | undefined): Promise<unknown> {
  try {
    await promise;
    return null;
  } catch (error) {
    return error;
  }
}

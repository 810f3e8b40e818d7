/** `hotplane replay`: one plan, replayed under each mechanism in turn, into one result folder. */
import type { Clock } from '../../base/clock.ts';
import { assert } from '../../base/assert.ts';
import { isHotplaneError } from '../../base/errors.ts';
import { rebuildReport } from '../report/rebuild.ts';
import type { Summary } from '../report/summary.ts';
import type { MechanismRun, Provenance } from '../results/schema.ts';
import type { AgentApi } from './agent-api.ts';
import { agentNotThere, agentSpoke, interrupted, interruptedEarly } from './errors.ts';
import { isUnrecorded } from './errors.ts';
import type { LoadSample } from './load.ts';
import type { Harm } from './inject.ts';
import { type KeptResults, keepResults } from './kept-results.ts';
import { waitingRun, type RunFacts } from './manifest.ts';
import type { ReplayOptions } from './options.ts';
import { OutFolder } from './out-folder.ts';
import { deploySpec } from './plan.ts';
import { type PreparedRun, prepareRun, type Repeated } from './prepare.ts';
import type { ProgressSink } from './progress.ts';
import { runDifferences } from './repeat.ts';
import { type CutRun, takeOver } from './resume.ts';
import { buildPrograms, measurePrograms, type Programs } from './real-programs.ts';
import type { RealPrograms } from './calibrate.ts';
import { runMechanism } from './run-mechanism.ts';
import { joinSessions, placeOnAgents } from './several-agents.ts';
import type { TimeLeft } from './time-left.ts';

/** An agent to replay against, and how to be done with it. */
export interface AgentSession {
  readonly api: AgentApi;
  /** Started for this replay: close() ends the agent and its VMs. */
  readonly is_ours: boolean;
  /** Null: it is not ours to harm. */
  readonly harm: Harm | null;
  /** Ends what was started for this replay; safe after a failure. */
  close(): Promise<void>;
}

export interface ReplayDependencies {
  readonly clock: Clock;
  readonly progress: ProgressSink;
  readonly time_left: TimeLeft;
  readonly facts: RunFacts;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  /** Told where the results so far are, when the run did not end well. */
  readonly onKept: (folder: string) => void;
  /** Told why summary and report could not be made of a run that did not end well. */
  readonly onUnreported: (error: unknown) => void;
  /** The run to repeat; null: a run of its own. */
  readonly repeated: Repeated | null;
  /** A run of these options that did not end, to go on with; absent or null: there is none. */
  readonly cut?: CutRun | null;
  /** Told, a line each, what differs from the repeated run, and what the reader should know. */
  readonly onNote: (text: string) => void;
  /** One look at the machine; `agent_pids` null: not known. */
  readonly lookAtLoad: (agent_pids: readonly number[] | null) => LoadSample;
  /** Size and hash of the VMM's program; null when it cannot be read. */
  readonly readBinary: (path: string) => Promise<Provenance['vmm_binary']>;
  /** Asked for those that stand for functions of the trace; of emulated calls never. */
  readonly programs: RealPrograms;
  /** Called once for each agent, after every input has been checked. */
  openAgent(out: OutFolder, signal: AbortSignal): Promise<AgentSession>;
}

/**
 * Resolves with the summary of a complete run. Otherwise throws, after the results so far, their
 * summary and report are written and everything that was started has ended; of a run whose agent
 * never answered, or which could write nothing, nothing is left.
 */
export async function replay(options: ReplayOptions, deps: ReplayDependencies): Promise<Summary> {
  const out = new OutFolder(options.out);
  const inputs = await prepareRun(options, deps.facts, deps.repeated, deps.programs, deps.signal);
  tellPlan(inputs, deps);
  const { session, pids, programs } = await openSession(inputs, out, deps);
  let problem: unknown = null;
  let kept: KeptResults | null = null;
  try {
    kept = keepResults(inputs, out);
    const { onNote, readBinary } = deps;
    const taken = await takeOver(deps.cut ?? null, { inputs, kept, onNote, readBinary });
    problem = await replayAll(inputs, deps, { ...session, pids, programs }, kept, taken);
  } catch (error) {
    problem = error;
  }
  const not_closed = await settle(session.close());
  problem ??= not_closed;
  if (kept === null) {
    out.giveBack();
    throw problem;
  }
  const is_interrupted = deps.signal.aborted && kept.runs.some((run) => run.status !== 'complete');
  problem = kept.end(is_interrupted, problem);
  if (!is_interrupted && problem === null) return await rebuildReport(options.out);
  const unreported = await settle(rebuildReport(options.out));
  // Where nothing can be written that is no news.
  if (unreported !== null && !isUnrecorded(problem)) deps.onUnreported(unreported);
  if (isUnrecorded(problem)) throw problem;
  if (is_interrupted) throw interrupted(options.out);
  deps.onKept(options.out);
  throw problem;
}

interface OpenSession {
  readonly session: AgentSession;
  /** Null: one of them does not say its own. */
  readonly pids: readonly number[] | null;
  /** By function of the plan. */
  readonly programs: Programs;
}

/** An agent that answered, and has measured real programs. Until then nothing is written. */
async function openSession(
  inputs: PreparedRun,
  out: OutFolder,
  deps: ReplayDependencies,
): Promise<OpenSession> {
  const sessions: AgentSession[] = [];
  try {
    const programs = await buildPrograms(inputs, deps);
    for (let count = 0; count < inputs.options.agents; count += 1) {
      sessions.push(await deps.openAgent(out, deps.signal));
    }
    const asked = sessions.map(({ api }) => api.status('', { signal: deps.signal }));
    const answers = await Promise.all(asked);
    const version = answers[0]?.version ?? '';
    const [only, ...more] = sessions;
    assert(only, 'there is at least one agent');
    const session =
      more.length === 0
        ? only
        : joinSessions(sessions, placeOnAgents(inputs.plan, sessions.length));
    const { facts } = inputs;
    inputs.facts = { ...facts, versions: { ...facts.versions, agent: version } };
    await measurePrograms(inputs, programs, session.api, deps);
    const pids = answers.map(({ pid }) => pid);
    return { session, pids: pids.includes(0) ? null : pids, programs };
  } catch (error) {
    await Promise.all(sessions.map((session) => settle(session.close())));
    const last_words = out.lastWords();
    if (last_words !== '' && !deps.signal.aborted) deps.onNote(`the agent said:\n${last_words}`);
    out.giveBack();
    if (deps.signal.aborted) throw interruptedEarly();
    throw explained(inputs.options.agent, error);
  }
}

/** The advice of a client speaks of options that a replay has not, and the log is gone by now. */
function explained(socket_path: string | null, error: unknown): unknown {
  if (!isHotplaneError(error)) return error;
  if (socket_path !== null) {
    return error.code === 'HP_AGENT_UNREACHABLE' ? agentNotThere(socket_path, error) : error;
  }
  return error.code === 'HP_REPLAY_AGENT_START' ? agentSpoke(error) : error;
}

/** The first problem, or null. A mechanism that fails does not keep the next from its turn. */
async function replayAll(
  inputs: PreparedRun,
  deps: ReplayDependencies,
  session: AgentSession & Omit<OpenSession, 'session'>,
  kept: KeptResults,
  taken: ReadonlySet<string>,
): Promise<Error | null> {
  const { options, plan, failures } = inputs;
  const { runs } = kept;
  // The VMMs of an agent that is gone are nobody's children: whose load they are is then not known.
  const pids = killsAgent(failures) ? null : session.pids;
  let problem: Error | null = null;
  for (const [index, mechanism] of options.mechanisms.entries()) {
    if (deps.signal.aborted || kept.guard.lost.aborted) break;
    if (taken.has(mechanism)) continue;
    runs[index] = { ...waitingRun(mechanism), status: 'running' };
    kept.note();
    const result = await runMechanism({
      mechanism,
      position: index + 1,
      of: options.mechanisms.length,
      plan,
      specs: plan.functions.map((one) =>
        deploySpec(one, mechanism, options, session.programs.get(one.name) ?? null),
      ),
      agent: session.api,
      agent_is_ours: session.is_ours,
      clock: deps.clock,
      sink: kept.guard,
      unrecorded: kept.guard.lost,
      progress: deps.progress,
      time_left: deps.time_left,
      signal: deps.signal,
      failures,
      harm: session.harm,
      lookAtLoad: () => deps.lookAtLoad(pids),
    });
    runs[index] = result.run;
    await noteBinary(inputs, result.run, deps);
    noteDifferences(inputs, runDifferencesOf(deps, result.run), deps);
    kept.note();
    problem ??= result.error;
  }
  return problem;
}

function killsAgent(failures: PreparedRun['failures']): boolean {
  return failures.some(({ failure }) => failure === 'kill-agent');
}

/** Once, and after a run: hashing a program takes CPU that is not to be measured. */
async function noteBinary(
  inputs: PreparedRun,
  run: MechanismRun,
  deps: ReplayDependencies,
): Promise<void> {
  const { provenance } = inputs.facts;
  const path = run.vms[0]?.vmm_path ?? null;
  if (!provenance || provenance.vmm_binary !== null || path === null) return;
  const vmm_binary = await deps.readBinary(path);
  inputs.facts = { ...inputs.facts, provenance: { ...provenance, vmm_binary } };
}

function runDifferencesOf({ repeated }: ReplayDependencies, run: MechanismRun): string[] {
  return repeated ? runDifferences(repeated.manifest, run) : [];
}

function noteDifferences(
  inputs: PreparedRun,
  found: readonly string[],
  deps: ReplayDependencies,
): void {
  const { repeat_of } = inputs;
  if (!repeat_of || found.length === 0) return;
  inputs.repeat_of = { ...repeat_of, differences: [...repeat_of.differences, ...found] };
  for (const difference of found) deps.onNote(`differs from ${repeat_of.folder}: ${difference}`);
}

/** What the plan cannot do as asked, and what differs from the run it repeats. */
function tellPlan({ plan, repeat_of }: PreparedRun, deps: ReplayDependencies): void {
  for (const { name, concurrency, peak_concurrency } of plan.functions) {
    if (peak_concurrency <= concurrency) continue;
    const need = `${name} would need ${peak_concurrency} instances at its peak`;
    deps.onNote(`${need} and has ${concurrency}: some of its calls will wait`);
  }
  for (const difference of repeat_of?.differences ?? []) {
    deps.onNote(`differs from ${repeat_of?.folder}: ${difference}`);
  }
}

async function settle(promise: Promise<unknown> | undefined): Promise<unknown> {
  try {
    await promise;
    return null;
  } catch (error) {
    return error;
  }
}

/** `hotplane profile run` from options to exit: the edge that owns clock and processes. */
import { join } from 'node:path';
import { AgentClient } from '../../agent/api/client.ts';
import { assert } from '../../base/assert.ts';
import { hostClock } from '../../base/clock.ts';
import { AGENT_NODE_OPTIONS, CLI_PROGRAM } from '../../base/paths.ts';
import { createProgress, type Progress, type ProgressStream } from '../../base/progress.ts';
import { checkSocketToTalkTo } from '../../base/safe-path.ts';
import { formatMs } from '../../base/units.ts';
import { startAgentProcess } from '../replay/agent-process.ts';
import { readRunFacts } from '../replay/host-facts.ts';
import { observeLoad } from '../replay/load-observer.ts';
import { OutFolder } from '../replay/out-folder.ts';
import { ArchiveWriter, needNoArchive } from './archive.ts';
import type { AccessSource } from './call-accesses.ts';
import { renderProfileDryRun } from './dry-run.ts';
import { profileError } from './errors.ts';
import {
  type PlanInput,
  planProfile,
  type ReadWorkloadFile,
  type ServedBy,
} from './profile-plan.ts';
import { reportProfile } from './profile-report.ts';
import { type ProfilePlan, type ProfileProgress, runProfile } from './run.ts';

/** How accesses are counted. */
export interface AccessCounter {
  /** Options of an agent whose VMs count. */
  readonly options: readonly string[];
  /** Reads the counts of VMs that have their folders there. */
  readonly open: (vms_dir: string) => AccessSource;
}

export interface ProfileCommandInput {
  readonly path: string;
  readonly read: ReadWorkloadFile;
  readonly out: string;
  readonly seed: number | null;
  readonly targets: ReadonlyMap<string, ServedBy>;
  /** Of an agent that is there; null: one of its own, with its functions, for this run. */
  readonly socket: string | null;
  /** Counts accesses in an agent of our own; null: nobody counts. */
  readonly counter: AccessCounter | null;
  /** Further ones of an agent of our own. */
  readonly agent_options?: readonly string[];
  readonly json: boolean;
  readonly argv: readonly string[];
  readonly signal: AbortSignal;
  readonly stdout: ProgressStream;
  readonly stderr: ProgressStream;
}

/** What would be called and when: nobody is asked. Throws HP_PROFILE_WORKLOAD. */
export function tellProfile({
  read,
  path,
  seed,
  json,
  stdout,
}: Pick<ProfileCommandInput, 'read' | 'path' | 'seed' | 'json' | 'stdout'>): void {
  stdout.write(renderProfileDryRun(read.workload, path, seed ?? read.workload.seed, json));
}

/** Throws HP_PROFILE_*, HP_RESULTS_*, HP_AGENT_*, HP_REPLAY_AGENT_START. */
export async function runProfileCommand(input: ProfileCommandInput): Promise<void> {
  needNoArchive(input.out);
  const out = new OutFolder(input.out);
  const progress = createProgress({ stream: input.stderr });
  const opened = await openAgent(input, out, progress);
  const load = observeLoad(hostClock);
  try {
    const { client } = opened;
    const { pid, version, functions } = await client.status('', { signal: input.signal });
    const deployed = new Map(functions.map((one) => [one.function.name, one.function]));
    const plan = await planProfile({ ...planInput(input), deployed });
    const facts = await readRunFacts(input.argv);
    const writer = new ArchiveWriter(out.path, { counts: opened.accesses !== null });
    try {
      await runProfile(plan, {
        agent: client,
        clock: hostClock,
        facts: { ...facts, versions: { ...facts.versions, agent: version } },
        writer,
        lookAtLoad: () => load.look(pid ? [pid] : null),
        accesses: opened.accesses,
        onProgress: tellProgress(progress, plan),
        signal: input.signal,
      });
    } finally {
      writer.close();
    }
  } catch (error) {
    await tellKept(input);
    out.giveBack();
    throw error;
  } finally {
    load.close();
    await opened.close();
  }
  const { told } = await reportProfile(out.path, { json: input.json });
  progress.done(`results: ${out.path}`);
  input.stdout.write(told);
}

const planInput = ({
  read,
  path,
  seed,
  targets,
}: ProfileCommandInput): Omit<PlanInput, 'deployed'> => ({
  ...read,
  path,
  seed,
  targets,
});

/** Of a run that did not end well, as far as there are results. */
async function tellKept({ out, stderr }: ProfileCommandInput): Promise<void> {
  const kept = await reportProfile(out, { json: false }).catch(() => null);
  if (kept) stderr.write(`results so far: ${out}\n${kept.told}`);
}

function tellProgress(progress: Progress, plan: ProfilePlan): (now: ProfileProgress) => void {
  const phases = ['deploy', 'send', 'last replies', 'drain'] as const;
  let told: ProfileProgress['phase'] | null = null;
  return ({ phase, elapsed_ms, ended, running }) => {
    if (phase !== told) progress.step(phases.indexOf(phase) + 1, phases.length, phase);
    told = phase;
    const window = formatMs(plan.workload.duration_s * 1_000);
    const calls = `${ended}/${plan.arrivals.length} calls, ${running} running`;
    progress.update(`${Math.max(0, Math.round(elapsed_ms / 1_000))} s of ${window}, ${calls}`);
  };
}

interface OpenedAgent {
  readonly client: AgentClient;
  readonly accesses: AccessSource | null;
  readonly close: () => Promise<void>;
}

async function openAgent(
  { socket, targets, counter, agent_options = [], signal }: ProfileCommandInput,
  out: OutFolder,
  progress: Progress,
): Promise<OpenedAgent> {
  if (socket !== null) {
    await checkSocketToTalkTo(socket);
    const connected = new AgentClient(socket);
    return { client: connected, accesses: null, close: async () => connected.close() };
  }
  const mechanisms = new Set(
    [...targets.values()].flatMap((one) => (one.kind === 'spec' ? [one.spec.mechanism] : [])),
  );
  if (mechanisms.size === 0) {
    const message = 'an agent of its own has no functions but those of --function.';
    const next = 'give --function APPLICATION=function.yaml or APPLICATION=256MiB for each.';
    throw profileError('HP_PROFILE_FUNCTION', message, { next });
  }
  out.make();
  let client: AgentClient | null = null;
  let accesses: AccessSource | null = null;
  try {
    const session = await startAgentProcess(
      {
        command: (path, state_dir) => {
          accesses = counter?.open(join(state_dir, VMS_FOLDER)) ?? null;
          const options = [...agent_options, ...(counter?.options ?? [])];
          return ownAgent(path, state_dir, [...mechanisms], options);
        },
        connect: (path) => {
          client = new AgentClient(path);
          return client;
        },
        log_path: out.log_path,
        clock: hostClock,
        onWaiting: (elapsed_ms, last_line) =>
          progress.update(`waiting for the agent, ${formatMs(elapsed_ms)} ${last_line}`),
      },
      signal,
    );
    assert(client, 'an agent that answers was connected to');
    return { client, accesses, close: () => session.close() };
  } catch (error) {
    // The log of an agent that would not start is named in the error.
    if (signal.aborted) out.giveBack();
    throw error;
  }
}

/** Of an agent's state folder. */
const VMS_FOLDER = 'vms';

function ownAgent(
  socket: string,
  state_dir: string,
  mechanisms: readonly string[],
  options: readonly string[],
): string[] {
  const where = ['--config', 'none', '--socket', socket, '--state-dir', state_dir];
  const what = ['--mechanisms', mechanisms.join(',')];
  return [
    process.execPath,
    ...AGENT_NODE_OPTIONS,
    CLI_PROGRAM,
    'agent',
    ...where,
    ...what,
    ...options,
  ];
}

/** `hotplane replay` from options to exit: the edge that owns clock and processes. */
import { join, resolve } from 'node:path';
import { AgentClient } from '../../agent/api/client.ts';
import { hostClock } from '../../base/clock.ts';
import { describeError } from '../../base/errors.ts';
import { jsonDocument } from '../../base/json.ts';
import type { ProgressStream } from '../../base/progress.ts';
import { formatMs } from '../../base/units.ts';
import { AGENT_NODE_OPTIONS, CLI_PROGRAM } from '../../base/paths.ts';
import { checkSocketToTalkTo } from '../../base/safe-path.ts';
import { renderRounds } from '../report/rounds-text.ts';
import { isOfRounds, roundFolder, ROUNDS_FILES, roundsIn } from '../report/rounds-folder.ts';
import { renderTable } from '../report/table.ts';
import { readManifest } from '../results/reader.ts';
import { RESULT_FILES } from '../results/writer.ts';
import { startAgentProcess } from './agent-process.ts';
import { settleSpeedup } from './auto-speedup.ts';
import type { RealPrograms } from './calibrate.ts';
import { readRunFacts } from './host-facts.ts';
import { observeLoad } from './load-observer.ts';
import type { OutFolder } from './out-folder.ts';
import { dryRun, renderDryRun } from './dry-run.ts';
import { traceFiles, prepareRun, type Repeated } from './prepare.ts';
import { binaryOf } from './provenance.ts';
import { repeatOptions } from './repeat.ts';
import { parseReplayOptions, type RawReplayOptions, type ReplayOptions } from './options.ts';
import { progressSink } from './progress.ts';
import { type AgentSession, replay } from './replay.ts';
import { replayRounds, type RoundsDependencies } from './rounds.ts';
import { TimeLeft } from './time-left.ts';

export interface ReplayCommandIo {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: ProgressStream;
}

export interface ReplayCommandInput {
  readonly raw: RawReplayOptions;
  /** As the user typed it; goes to the manifest. */
  readonly argv: readonly string[];
  /** Only tell what would be done. */
  readonly dry_run: boolean;
  /** Print summary.json instead of the table. */
  readonly json: boolean;
  /** Of --work real. */
  readonly programs: RealPrograms;
  /** Aborted by Ctrl-C or a signal to end. */
  readonly signal: AbortSignal;
}

/** Throws HotplaneError; its category decides the exit code. */
export async function runReplayCommand(
  input: ReplayCommandInput,
  io: ReplayCommandIo,
): Promise<void> {
  const { options, repeated } = await readOptions(input.raw);
  if (input.dry_run) {
    const facts = await readRunFacts(input.argv);
    const { plan, failures } = await prepareRun(
      options,
      facts,
      repeated,
      input.programs,
      input.signal,
    );
    const told = dryRun(plan, { ...options, failures });
    return void io.stdout.write(renderDryRun(told, input.json));
  }
  const onAbort = (): void => {
    io.stderr.write('\ninterrupted: ending VMs and keeping the results so far\n');
  };
  input.signal.addEventListener('abort', onAbort, { once: true });
  const load = observeLoad(hostClock);
  const deps: RoundsDependencies = {
    clock: hostClock,
    progress: progressSink(io.stderr, hostClock),
    readFacts: async () => await readRunFacts(input.argv),
    repeated,
    programs: input.programs,
    readBinary: binaryOf,
    onNote: (text) => io.stderr.write(`${text}\n`),
    signal: input.signal,
    lookAtLoad: (agent_pids) => load.look(agent_pids),
    onUnreported: (error) => io.stderr.write(`no report could be made: ${describeError(error)}\n`),
    onKept: (folder) => io.stderr.write(`results so far: ${folder}\n`),
    openAgent: async (out, signal) => await openAgent(options, out, io, signal),
  };
  try {
    const settled = options.is_speedup_open
      ? await settleSpeedup(options, await deps.readFacts(), deps)
      : options;
    const told = await (settled.rounds > 1 ? tellRounds : tellRun)(settled, deps, input.json);
    io.stdout.write(told.text);
    io.stderr.write(`results: ${join(options.out, told.file)}\n`);
  } finally {
    load.close();
    input.signal.removeEventListener('abort', onAbort);
  }
}

interface Told {
  readonly text: string;
  readonly file: string;
}

async function tellRun(
  options: ReplayOptions,
  deps: RoundsDependencies,
  json: boolean,
): Promise<Told> {
  const facts = await deps.readFacts();
  const summary = await replay(options, { ...deps, facts, time_left: new TimeLeft() });
  const text = json ? jsonDocument(summary) : renderTable(summary);
  return { text, file: RESULT_FILES.report };
}

async function tellRounds(
  options: ReplayOptions,
  deps: RoundsDependencies,
  json: boolean,
): Promise<Told> {
  const summary = await replayRounds(options, deps);
  return { text: json ? jsonDocument(summary) : renderRounds(summary), file: ROUNDS_FILES.summary };
}

/** Paths are kept whole, so that `--from` finds them from any folder. */
async function readOptions(
  raw: RawReplayOptions,
): Promise<{ readonly options: ReplayOptions; readonly repeated: Repeated | null }> {
  const named = raw['from'];
  if (named === undefined) return { options: whole(parseReplayOptions(raw)), repeated: null };
  const [first] = isOfRounds(named) ? roundsIn(named) : [];
  const folder = first === undefined ? named : roundFolder(named, first);
  const manifest = await readManifest(folder);
  const { from: _from, ...given } = raw;
  const options = whole(parseReplayOptions(repeatOptions(folder, manifest, given)));
  const trace_named = given['trace'] !== undefined;
  return { options, repeated: { folder: resolve(folder), manifest, trace_named } };
}

function whole(options: ReplayOptions): ReplayOptions {
  const trace = traceFiles(options.trace)
    .map((path) => resolve(path))
    .join(',');
  return { ...options, texts: { ...options.texts, trace } };
}

async function openAgent(
  options: ReplayOptions,
  out: OutFolder,
  io: ReplayCommandIo,
  signal: AbortSignal,
): Promise<AgentSession> {
  if (options.agent !== null) {
    await checkSocketToTalkTo(options.agent);
    const api = new AgentClient(options.agent);
    return { api, is_ours: false, harm: null, close: async () => api.close() };
  }
  out.make();
  return await startAgentProcess(
    {
      command: (socket, state_dir) => commandOfAgent(options, socket, state_dir),
      connect: (socket) => new AgentClient(socket),
      log_path: out.log_path,
      clock: hostClock,
      onWaiting: (elapsed_ms, last_line) =>
        io.stderr.write(`waiting for the agent, ${formatMs(elapsed_ms)} ${last_line}\n`),
    },
    signal,
  );
}

/** How the agent of a replay is started: as the options say, whatever a configuration says. */
export function commandOfAgent(
  options: Pick<
    ReplayOptions,
    'vmm' | 'mechanisms' | 'guest_kernel' | 'policy' | 'host_limit_bytes' | 'agents'
  >,
  socket: string,
  state_dir: string,
): string[] {
  const { vmm, mechanisms, guest_kernel, policy, host_limit_bytes, agents } = options;
  const limit_bytes = host_limit_bytes === null ? null : Math.floor(host_limit_bytes / agents);
  return [
    process.execPath,
    ...AGENT_NODE_OPTIONS,
    CLI_PROGRAM,
    'agent',
    '--config',
    'none',
    '--socket',
    socket,
    '--state-dir',
    state_dir,
    '--vmm',
    vmm,
    '--mechanisms',
    mechanisms.join(','),
    '--guest-kernel',
    guest_kernel,
    ...(policy === null ? [] : ['--policy', policy]),
    ...(limit_bytes === null ? [] : ['--host-limit', String(limit_bytes)]),
  ];
}

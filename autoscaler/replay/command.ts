/** `hotplane replay` from options to exit: the edge that owns clock and processes. */
import { join, resolve } from 'node:path';
import { AgentClient } from '../../agent/api/client.ts';
import { hostClock } from '../../base/clock.ts';
import { describeError } from '../../base/errors.ts';
import { formatMs } from '../../base/units.ts';
import { CLI_PROGRAM } from '../../base/paths.ts';
import { checkSocketToTalkTo } from '../../base/safe-path.ts';
import { renderTable } from '../report/table.ts';
import { RESULT_FILES } from '../results/writer.ts';
import { startAgentProcess } from './agent-process.ts';
import { readRunFacts } from './host-facts.ts';
import { observeLoad } from './load-observer.ts';
import { parseReplayOptions, type RawReplayOptions, type ReplayOptions } from './options.ts';
import { progressSink, type ProgressStream } from './progress.ts';
import { replay, type AgentSession } from './replay.ts';

export interface ReplayCommandIo {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: ProgressStream;
}

export interface ReplayCommandInput {
  readonly raw: RawReplayOptions;
  /** As the user typed it; goes to the manifest. */
  readonly argv: readonly string[];
  /** Print summary.json instead of the table. */
  readonly json: boolean;
  /** Aborted by Ctrl-C or a signal to end. */
  readonly signal: AbortSignal;
}

/** Throws HotplaneError; its category decides the exit code. */
export async function runReplayCommand(
  input: ReplayCommandInput,
  io: ReplayCommandIo,
): Promise<void> {
  const options = parseReplayOptions(input.raw);
  const onAbort = (): void => {
    io.stderr.write('\ninterrupted: ending VMs and keeping the results so far\n');
  };
  input.signal.addEventListener('abort', onAbort, { once: true });
  const load = observeLoad(hostClock);
  try {
    const summary = await replay(options, {
      clock: hostClock,
      progress: progressSink(io.stderr, hostClock),
      facts: readRunFacts(input.argv),
      signal: input.signal,
      lookAtLoad: (agent_pid) => load.look(agent_pid),
      onUnreported: (error) =>
        io.stderr.write(`no report could be made: ${describeError(error)}\n`),
      onKept: (folder) => io.stderr.write(`results so far: ${folder}\n`),
      openAgent: async (signal) => await openAgent(options, io, signal),
    });
    io.stdout.write(input.json ? `${JSON.stringify(summary, null, 2)}\n` : renderTable(summary));
    io.stderr.write(`results: ${join(options.out, RESULT_FILES.report)}\n`);
  } finally {
    load.close();
    input.signal.removeEventListener('abort', onAbort);
  }
}

async function openAgent(
  options: ReplayOptions,
  io: ReplayCommandIo,
  signal: AbortSignal,
): Promise<AgentSession> {
  if (options.agent !== null) {
    await checkSocketToTalkTo(options.agent);
    const api = new AgentClient(options.agent);
    return { api, is_ours: false, close: async () => api.close() };
  }
  return await startAgentProcess(
    {
      command: (socket, state_dir) => [
        process.execPath,
        CLI_PROGRAM,
        'agent',
        '--socket',
        socket,
        '--state-dir',
        state_dir,
        '--vmm',
        options.vmm,
        '--mechanisms',
        options.mechanisms.join(','),
        '--guest-kernel',
        options.guest_kernel,
      ],
      connect: (socket) => new AgentClient(socket),
      log_path: resolve(options.out, 'agent.log'),
      clock: hostClock,
      onWaiting: (elapsed_ms, last_line) =>
        io.stderr.write(`waiting for the agent, ${formatMs(elapsed_ms)} ${last_line}\n`),
    },
    signal,
  );
}

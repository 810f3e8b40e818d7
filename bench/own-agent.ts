/** An agent of a bench's own, with the whole client on it: a replay does without some calls. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AgentClient } from '../agent/api/client.ts';
import type { DeployResponse } from '../autoscaler/replay/agent-api.ts';
import { startAgentProcess } from '../autoscaler/replay/agent-process.ts';
import { assert } from '../base/assert.ts';
import { hostClock } from '../base/clock.ts';
import { AGENT_NODE_OPTIONS, CLI_PROGRAM } from '../base/paths.ts';
import { jsonDocument } from '../base/json.ts';
import { createProgress, type Progress, type ProgressStream } from '../base/progress.ts';
import { formatMs } from '../base/units.ts';
import type { Check } from './check.ts';
import { startsInterrupted } from './errors.ts';
import type { readHost } from './host.ts';

/** What a command line gives every bench of this kind. */
export interface OwnAgentInput {
  readonly json: boolean;
  readonly strict: boolean;
  readonly stdout: ProgressStream;
  readonly stderr: ProgressStream;
  readonly signal: AbortSignal;
}

/** Where it was measured; part of what `--json` prints. */
export interface OwnAgentFacts {
  readonly host: Awaited<ReturnType<typeof readHost>>;
  readonly vmm: string;
  readonly accelerator: string;
  readonly guest_kernels: readonly string[];
}

/** A bench, from an agent with images for its mechanisms to what is printed. */
export interface OwnAgentBench<Report> {
  readonly mechanisms: readonly string[];
  readonly measure: (api: AgentClient, progress: Progress) => Promise<Report>;
  readonly textOf: (report: Report) => string;
}

/** A bench that has agents with options of its own, one after the other. */
export interface OwnAgentsBench<Report> extends Omit<OwnAgentBench<Report>, 'measure'> {
  readonly measure: (open: OpenAgent, progress: Progress) => Promise<Report>;
}

/** Starts an agent with these options beside the usual ones; whoever does so closes it. */
export type OpenAgent = (options: readonly string[]) => Promise<OwnAgent>;

/** Returns the exit code: 0, or 1 with `strict` when a promise was missed. */
export async function runOwnAgentBench<Report extends { readonly checks: readonly Check[] }>(
  input: OwnAgentInput,
  { mechanisms, measure, textOf }: OwnAgentBench<Report>,
): Promise<number> {
  return await runOwnAgentsBench(input, {
    mechanisms,
    measure: async (open, progress) => {
      const opened = await open([]);
      try {
        return await measure(opened.client, progress);
      } finally {
        await opened.close();
      }
    },
    textOf,
  });
}

/** The same with several agents. Returns the exit code, too. */
export async function runOwnAgentsBench<Report extends { readonly checks: readonly Check[] }>(
  { json, strict, stdout, stderr, signal }: OwnAgentInput,
  { mechanisms, measure, textOf }: OwnAgentsBench<Report>,
): Promise<number> {
  const progress = createProgress({ stream: stderr });
  const folder = await mkdtemp(join(tmpdir(), 'hotplane-bench-'));
  // The log of an agent that would not start is named in the error.
  let is_needed = false;
  const open: OpenAgent = async (options) => {
    is_needed = true;
    const opened = await openOwnAgent({ mechanisms, options, folder, progress, signal });
    is_needed = false;
    return opened;
  };
  try {
    const report = await measure(open, progress);
    stdout.write(json ? jsonDocument(report) : textOf(report));
    return strict && report.checks.some(({ verdict }) => verdict === 'missed') ? 1 : 0;
  } catch (error) {
    throw signal.aborted ? startsInterrupted() : error;
  } finally {
    if (signal.aborted || !is_needed) await rm(folder, { recursive: true, force: true });
  }
}

/** What the VMs run in and on. */
export function vmFacts(deployed: readonly DeployResponse[]): Omit<OwnAgentFacts, 'host'> {
  return {
    vmm: deployed[0]?.vmm ?? '',
    accelerator: deployed[0]?.accelerator ?? '',
    guest_kernels: [...new Set(deployed.map(({ guest_kernel }) => guest_kernel))],
  };
}

/** Lines at the head of a text: the host, and what its times are worth. */
export function hostLines({ host, accelerator }: OwnAgentFacts): string[] {
  return [
    `host: ${host.cpu}, ${host.cores} cores, Linux ${host.kernel}, load ${host.load_before}`,
    ...(accelerator === 'tcg'
      ? ['Under TCG (an emulated CPU) no absolute time is a claim: compare within this run only.']
      : []),
  ];
}

interface OwnAgent {
  readonly client: AgentClient;
  readonly close: () => Promise<void>;
}

/** Under QEMU, with images for these mechanisms; its log is in `folder`. Throws HP_REPLAY_*. */
async function openOwnAgent({
  mechanisms,
  options,
  folder,
  progress,
  signal,
}: {
  readonly mechanisms: readonly string[];
  readonly options: readonly string[];
  readonly folder: string;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}): Promise<OwnAgent> {
  let client: AgentClient | null = null;
  const session = await startAgentProcess(
    {
      command: (socket, state_dir) => [...agentCommand(mechanisms, socket, state_dir), ...options],
      connect: (socket) => {
        client = new AgentClient(socket);
        return client;
      },
      log_path: join(folder, 'agent.log'),
      clock: hostClock,
      onWaiting: (elapsed_ms, last_line) =>
        progress.update(`waiting for the agent, ${formatMs(elapsed_ms)} ${last_line}`),
    },
    signal,
  );
  assert(client, 'an agent that answers was connected to');
  return { client, close: () => session.close() };
}

function agentCommand(
  mechanisms: readonly string[],
  socket: string,
  state_dir: string,
): readonly string[] {
  const where = ['--config', 'none', '--socket', socket, '--state-dir', state_dir];
  const what = ['--vmm', 'qemu', '--mechanisms', mechanisms.join(',')];
  return [process.execPath, ...AGENT_NODE_OPTIONS, CLI_PROGRAM, 'agent', ...where, ...what];
}

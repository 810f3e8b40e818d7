/** An agent of our own for one replay: a daemon process on a private socket, ended afterwards. */
import { join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { messageOf } from '../../base/errors.ts';
import { LIMITS } from '../../base/limits.ts';
import { REPLAY_LIMITS } from './limits.ts';
import { runtimeDir } from '../../base/paths.ts';
import { newOwnedFolder, type OwnedFolder } from '../../base/owned-folder.ts';
import { readPlainFile } from '../../base/plain-file.ts';
import { type DetachedProcess, endProcess, isAlive, sendSignal } from '../../base/process.ts';
import { spawnDetached, waitForEnd } from '../../base/process.ts';
import { socketPathTrouble } from '../../base/safe-path.ts';
import { formatMs } from '../../base/units.ts';
import { waitFor } from '../../base/wait.ts';
import type { AgentApi } from './agent-api.ts';
import { agentNotUp, runFolderTooLong } from './errors.ts';
import type { Harm } from './inject.ts';
import type { AgentSession } from './replay.ts';
import { signalVmm } from './vmm-process.ts';

export interface AgentProcessOptions {
  /** Program and arguments that run an agent with this socket and state folder. */
  readonly command: (socket: string, state_dir: string) => readonly string[];
  readonly connect: (socket: string) => AgentApi;
  /** Keeps what the agent says. */
  readonly log_path: string;
  readonly clock: Clock;
  /** Its folder is made in here. Default: where sockets live. */
  readonly runtime_dir?: string;
  /** Told now and then while the agent does not answer yet: it may have guest images to build. */
  readonly onWaiting: (elapsed_ms: number, last_line: string) => void;
}

/**
 * Resolves when the agent answers. Throws `HP_REPLAY_AGENT_START`, with nothing left behind, and
 * `HP_REPLAY_RUN_FOLDER` when sockets cannot have a path there.
 */
export async function startAgentProcess(
  options: AgentProcessOptions,
  signal: AbortSignal,
): Promise<AgentSession> {
  const owned = await makeFolder(options.runtime_dir ?? runtimeDir());
  const folder = owned.path;
  const state_dir = join(folder, STATE);
  const command = options.command(join(folder, SOCKET), state_dir);
  const api = options.connect(join(folder, SOCKET));
  let child: DetachedProcess | null = null;
  const close = async (): Promise<void> => {
    api.close();
    // In order with its VMs; by force when it does not listen.
    if (child) await endProcess(child, options.clock, LIMITS.agent_stop_ms);
    await owned.remove();
  };
  try {
    child = await spawnAgent(command, folder, options.log_path);
    await waitUntilUp(child, api, options, signal);
  } catch (error) {
    await close();
    throw error;
  }
  const harm: Harm = {
    signalVmm: async (vm_id, name) => await signalVmm(state_dir, vm_id, name),
    replaceAgent: async (until) => {
      if (child) await sendSignal(child, 'SIGKILL');
      if (child) await waitForEnd(child, options.clock, LIMITS.agent_stop_ms);
      child = await spawnAgent(command, folder, options.log_path);
      await waitUntilUp(child, api, options, until);
    },
  };
  return { api, is_ours: true, harm, close };
}

const SOCKET = 'a.sock';
const STATE = 's';
/** The longest path of a socket that its VMs have there. */
const LONGEST = join(STATE, 'vms', 'vm1000000', 'channel.sock');

/** A folder of the agent's own, in a place only we may write and with a path short enough. */
async function makeFolder(runtime_dir: string): Promise<OwnedFolder> {
  const trouble = socketPathTrouble(join(runtime_dir, 'r-123456', LONGEST));
  if (trouble !== null) throw runFolderTooLong(runtime_dir, trouble);
  return await newOwnedFolder(runtime_dir, 'r');
}

/**
 * In a session of its own, so that Ctrl-C reaches only us and we end it in order. Should we be gone
 * without that, its descriptor 3 ends with us: it then ends by itself, and removes `folder`.
 */
async function spawnAgent(
  command: readonly string[],
  folder: string,
  log_path: string,
): Promise<DetachedProcess> {
  const [file = '', ...args] = command;
  try {
    return await spawnDetached({
      file,
      arguments: args,
      stdout_path: log_path,
      stderr_path: log_path,
      file_mode: 0o666,
      env: { ...process.env, HOTPLANE_OWNER_FD: '3', HOTPLANE_OWNER_FOLDER: folder },
      is_told_our_end: true,
    });
  } catch (error) {
    throw agentNotUp(log_path, `${file} cannot be run (${messageOf(error)})`, error);
  }
}

async function waitUntilUp(
  child: DetachedProcess,
  api: AgentApi,
  options: AgentProcessOptions,
  signal: AbortSignal,
): Promise<void> {
  const { clock, log_path } = options;
  const deadline_ms = LIMITS.agent_start_ms + LIMITS.image_build_ms;
  const begin_ms = clock.nowMs();
  let told_ms = begin_ms;
  let last_error: unknown;
  const up = await waitFor(
    async () => {
      if (!(await isAlive(child))) return 'ended' as const;
      try {
        await api.status('', { deadline_ms: LIMITS.vmm_call_ms, signal });
        return 'up' as const;
      } catch (error) {
        last_error = error;
      }
      if (clock.nowMs() - told_ms >= REPLAY_LIMITS.progress_ms) {
        told_ms = clock.nowMs();
        options.onWaiting(told_ms - begin_ms, await lastLine(log_path));
      }
      return null;
    },
    {
      clock,
      deadline_ms,
      first_pause_ms: 20,
      longest_pause_ms: 200,
      signal,
    },
  );
  if (up === 'up') return;
  if (up === 'ended') throw agentNotUp(log_path, `it ended with "${await lastLine(log_path)}"`);
  throw agentNotUp(log_path, `it did not answer within ${formatMs(deadline_ms)}`, last_error);
}

async function lastLine(path: string): Promise<string> {
  const text = await readPlainFile(path).catch(() => '');
  return text.trim().split('\n').at(-1)?.slice(0, 400) ?? '';
}

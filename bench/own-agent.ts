/** An agent of a bench's own, with the whole client on it: a replay does without some calls. */
import { join } from 'node:path';
import { AgentClient } from '../agent/api/client.ts';
import { startAgentProcess } from '../autoscaler/replay/agent-process.ts';
import { assert } from '../base/assert.ts';
import { hostClock } from '../base/clock.ts';
import { CLI_PROGRAM } from '../base/paths.ts';
import type { Progress } from '../base/progress.ts';
import { formatMs } from '../base/units.ts';

export interface OwnAgent {
  readonly client: AgentClient;
  readonly close: () => Promise<void>;
}

/** Under QEMU, with images for these mechanisms; its log is in `folder`. Throws HP_REPLAY_*. */
export async function openOwnAgent(
  mechanisms: readonly string[],
  folder: string,
  progress: Progress,
  signal: AbortSignal,
): Promise<OwnAgent> {
  let client: AgentClient | null = null;
  const session = await startAgentProcess(
    {
      command: (socket, state_dir) => agentCommand(mechanisms, socket, state_dir),
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
  return [process.execPath, CLI_PROGRAM, 'agent', ...where, ...what];
}

import { resolve } from 'node:path';
import type { AgentClient } from '../agent/api/client.ts';
import { checkSocketToTalkTo } from '../base/safe-path.ts';
import type { CommandInput } from './command.ts';

/** Makes one call on the agent of --socket and closes the connection. */
export async function withAgent<T>(
  input: Pick<CommandInput, 'values' | 'signal'>,
  call: (client: AgentClient, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const module = await import('../agent/api/client.ts');
  const socket_path = resolve(input.values.text('socket'));
  await checkSocketToTalkTo(socket_path);
  const client = new module.AgentClient(socket_path);
  try {
    return await call(client, input.signal);
  } finally {
    client.close();
  }
}

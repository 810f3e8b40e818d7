import { resolve } from 'node:path';
import type { AgentClient } from '../agent/api/client.ts';
import type { CommandInput } from './command.ts';

/** Makes one call on the agent of --socket and closes the connection. */
export async function withAgent<T>(
  input: Pick<CommandInput, 'values' | 'signal'>,
  call: (client: AgentClient, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const module = await import('../agent/api/client.ts');
  const client = new module.AgentClient(resolve(input.values.text('socket')));
  try {
    return await call(client, input.signal);
  } finally {
    client.close();
  }
}

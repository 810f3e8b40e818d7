import { resolve } from 'node:path';
import type { AgentClient } from '../agent/api/client.ts';
import type { TlsFiles } from '../agent/api/tls.ts';
import { agentError } from '../agent/model/errors.ts';
import { checkSocketToTalkTo } from '../base/safe-path.ts';
import type { CommandInput } from './command.ts';

/** Makes one call on the agent of --socket and closes the connection. */
export async function withAgent<T>(
  input: Pick<CommandInput, 'values' | 'signal'>,
  call: (client: AgentClient, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const module = await import('../agent/api/client.ts');
  const client = await connect(module.AgentClient, input.values.text('socket'));
  try {
    return await call(client, input.signal);
  } finally {
    client.close();
  }
}

/** `tls:HOST:PORT` is an agent on the network. */
const ON_NETWORK = 'tls:';

/** Throws HP_AGENT_TLS, HP_PATH_UNSAFE. */
async function connect(Client: typeof AgentClient, socket: string): Promise<AgentClient> {
  if (socket.startsWith(ON_NETWORK)) {
    const { clientTls } = await import('../agent/api/tls.ts');
    return new Client(socket.slice(ON_NETWORK.length), await clientTls(ownFiles(process.env)));
  }
  const path = resolve(socket);
  await checkSocketToTalkTo(path);
  return new Client(path);
}

/** A client's own, named by the environment: no command has them on its line. */
function ownFiles(env: NodeJS.ProcessEnv): TlsFiles {
  const files = {
    key: env['HOTPLANE_CLIENT_KEY'] ?? '',
    certificate: env['HOTPLANE_CLIENT_CERTIFICATE'] ?? '',
    authority: env['HOTPLANE_CLIENT_AUTHORITY'] ?? '',
  };
  const missing = Object.entries(files).find(([, path]) => path === '');
  if (!missing) return files;
  const name = `HOTPLANE_CLIENT_${missing[0].toUpperCase()}`;
  throw agentError(
    'HP_AGENT_TLS',
    `an agent on the network takes a certificate: ${name} is not set.`,
  );
}

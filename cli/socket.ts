import { join } from 'node:path';
import { runtimeDir } from '../base/paths.ts';
import type { OptionSpec } from './command.ts';

/** Where agent and clients meet unless told otherwise; an agent heeds the same variable. */
function defaultSocket(env: NodeJS.ProcessEnv): string {
  const named = env['HOTPLANE_SOCKET'] ?? '';
  return named === '' ? join(runtimeDir(env), 'agent.sock') : named;
}

export const SOCKET_OPTION: OptionSpec = {
  value: 'PATH',
  summary: "the agent's Unix socket, or tls:HOST:PORT",
  default: defaultSocket(process.env),
};

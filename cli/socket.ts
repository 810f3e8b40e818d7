import { join } from 'node:path';
import { runtimeDir } from '../base/paths.ts';
import type { OptionSpec } from './command.ts';

/** Where agent and clients meet unless told otherwise. */
function defaultSocket(): string {
  return join(runtimeDir(), 'agent.sock');
}

export const SOCKET_OPTION: OptionSpec = {
  value: 'PATH',
  summary: "the agent's Unix socket",
  default: defaultSocket(),
};

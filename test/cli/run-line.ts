/** The command line in this process: what it printed, and its exit code. */
import type { Command } from '../../cli/command.ts';
import { COMMANDS } from '../../cli/commands.ts';
import { main } from '../../cli/command-line.ts';

export async function runLine(
  line: string | readonly string[],
  env: NodeJS.ProcessEnv = {},
  commands: readonly Command[] = COMMANDS,
): Promise<{ code: number; out: string; err: string }> {
  let out = '';
  let err = '';
  const code = await main(
    typeof line === 'string' ? line.split(' ') : line,
    {
      stdout: { write: (text) => (out += text) },
      stderr: { write: (text) => (err += text) },
      signal: new AbortController().signal,
      env,
    },
    commands,
  );
  return { code, out, err };
}

import type { Command, CommandInput } from '../command.ts';
import { completionScript, SHELLS } from '../completion.ts';
import { badPositional } from '../errors.ts';

async function run({ positionals, stdout }: CommandInput): Promise<void> {
  const [name = ''] = positionals;
  const shell = SHELLS.find((one) => one === name);
  if (shell === undefined) throw badPositional('SHELL', name, `one of ${SHELLS.join(', ')}`);
  const { COMMANDS } = await import('../commands.ts');
  stdout.write(completionScript(shell, COMMANDS));
}

export const completionCommand: Command = {
  name: 'completion',
  summary: 'print completion for a shell: bash, zsh or fish',
  positionals: ['SHELL'],
  words: SHELLS,
  options: {},
  help: `
Offers commands, their options and what these take. It is written from the table of commands, so
it fits this version and no other: make it anew when hotplane changes.

  source <(hotplane completion bash)
`,
  run,
};

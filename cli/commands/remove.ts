import { type Command, type CommandInput, JSON_OPTION } from '../command.ts';
import { SOCKET_OPTION } from '../socket.ts';
import { withAgent } from '../with-agent.ts';

async function run(input: CommandInput): Promise<void> {
  const name = input.positionals[0] ?? '';
  const removed = await withAgent(input, (client, signal) => client.remove(name, { signal }));
  const text = input.values.flag('json') ? JSON.stringify(removed) : `${name}: removed`;
  input.stdout.write(`${text}\n`);
}

export const removeCommand: Command = {
  name: 'remove',
  summary: 'stop a function, shut its VM down and forget it',
  positionals: ['NAME'],
  options: { socket: SOCKET_OPTION, json: JSON_OPTION },
  help: `
Waiting invocations are refused, running ones may end for up to 60 s, then the VM is shut down.
Returns when nothing of it is left.

  hotplane remove resize-image
`,
  run,
};

import { type Command, type CommandInput, JSON_OPTION } from '../command.ts';
import { SOCKET_OPTION } from '../socket.ts';
import { withAgent } from '../with-agent.ts';

async function run(input: CommandInput): Promise<void> {
  const name = input.positionals[0] ?? '';
  const drained = await withAgent(input, (client, signal) => client.drain(name, { signal }));
  const text = `${name}: ${drained.instances_stopped} idle instances stopped`;
  input.stdout.write(`${input.values.flag('json') ? JSON.stringify(drained) : text}\n`);
}

export const drainCommand: Command = {
  name: 'drain',
  summary: 'stop the idle instances of a function now',
  positionals: ['NAME'],
  options: { socket: SOCKET_OPTION, json: JSON_OPTION },
  help: `
As if their keep-alive had passed; busy instances go on. Returns when their regions are unplugged,
or when every try to unplug them has been made ('hotplane status' shows what is left).

  hotplane drain resize-image
`,
  run,
};

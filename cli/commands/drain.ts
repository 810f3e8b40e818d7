import { type Command, type CommandInput, JSON_OPTION } from '../command.ts';
import { SOCKET_OPTION } from '../socket.ts';
import { withAgent } from '../with-agent.ts';

async function run(input: CommandInput): Promise<void> {
  const name = input.positionals[0] ?? '';
  const vm_id = input.values.optional('vm') ?? null;
  const drained = await withAgent(input, (client, signal) => client.drain(name, { signal, vm_id }));
  const stopped = `${name}: ${drained.instances_stopped} idle instances stopped`;
  const text = vm_id === null ? stopped : `${stopped}, ${vm_id} ended and replaced`;
  input.stdout.write(`${input.values.flag('json') ? JSON.stringify(drained) : text}\n`);
}

export const drainCommand: Command = {
  name: 'drain',
  summary: 'stop the idle instances of a function now',
  positionals: ['NAME'],
  options: {
    vm: {
      value: 'ID',
      summary: 'drain this VM alone, end it and put a new one in its place',
      default: '',
    },
    socket: SOCKET_OPTION,
    json: JSON_OPTION,
  },
  help: `
As if their keep-alive had passed; busy instances go on. Returns when their regions are unplugged,
or when every try to unplug them has been made ('hotplane status' shows what is left).

With --vm, one VM takes no new work: another is launched in its place, of the guest images as they
are now, and the VM ends when its invocations are over, at the latest after five minutes.

  hotplane drain resize-image
  hotplane drain resize-image --vm vm7
`,
  run,
};

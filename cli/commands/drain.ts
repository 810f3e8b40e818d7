import type { AgentClient, Host } from '../../agent/api/client.ts';
import { hostClock } from '../../base/clock.ts';
import { counted } from '../../base/units.ts';
import { ourName } from '../../base/users.ts';
import { type Command, type CommandInput, JSON_OPTION } from '../command.ts';
import { badArguments } from '../errors.ts';
import { hostText } from '../host-text.ts';
import { SOCKET_OPTION } from '../socket.ts';
import { withAgent } from '../with-agent.ts';

/** Between two looks at a host that is drained. */
const LOOK_MS = 500;

async function run(input: CommandInput): Promise<void> {
  const { values, positionals, stdout } = input;
  const [name] = positionals;
  const is_json = values.flag('json');
  if (values.flag('host')) {
    if (name !== undefined)
      throw badArguments('drain', '--host drains the whole host: name no function.');
    const host = await withAgent(input, (client) => drainHost(client, input));
    stdout.write(is_json ? `${JSON.stringify(host)}\n` : hostText(host));
    return;
  }
  if (name === undefined)
    throw badArguments('drain', 'name a function, or drain the whole host with --host.');
  const vm_id = values.optional('vm') ?? null;
  const drained = await withAgent(input, (client, signal) => client.drain(name, { signal, vm_id }));
  const stopped = `${name}: ${drained.instances_stopped} idle instances stopped`;
  const text = vm_id === null ? stopped : `${stopped}, ${vm_id} ended and replaced`;
  stdout.write(`${is_json ? JSON.stringify(drained) : text}\n`);
}

/** Until no VM is left, or somebody took the drain away; the end of the command does not. */
async function drainHost(client: AgentClient, input: CommandInput): Promise<Host> {
  const { values, signal, stderr } = input;
  const reason = values.optional('reason') ?? '';
  let host = await client.cordon({ drain: true, author: ourName(), reason }, { signal });
  let told = '';
  while (host.availability === 'draining' && !values.flag('no-wait')) {
    const line = progress(host);
    if (line !== told) stderr.write(`${line}\n`);
    told = line;
    await hostClock.sleep(LOOK_MS, signal);
    host = await client.host({ signal });
  }
  return host;
}

function progress(host: Host): string {
  const { vms, instances_busy, instances_starting, instances_stopping, invocations_queued } = host;
  return (
    `draining: ${counted(vms, 'VM')}, ` +
    `${counted(instances_busy + instances_starting, 'instance')} at work, ` +
    `${instances_stopping} stopping, ${counted(invocations_queued, 'invocation')} waiting`
  );
}

export const drainCommand: Command = {
  name: 'drain',
  summary: 'stop the idle instances of a function now, or empty the whole host',
  positionals: ['[NAME]'],
  options: {
    vm: {
      value: 'ID',
      summary: 'drain this VM alone, end it and put a new one in its place',
    },
    host: { summary: 'the whole host: it takes no new work, and is emptied' },
    reason: { value: 'TEXT', summary: 'with --host: why, for those who read it later' },
    'no-wait': { summary: 'with --host: do not wait until it is empty' },
    socket: SOCKET_OPTION,
    json: JSON_OPTION,
  },
  help: `
As if their keep-alive had passed; busy instances go on. Returns when their regions are unplugged,
or when every try to unplug them has been made ('hotplane status' shows what is left).

With --vm, one VM takes no new work: another is launched in its place, of the guest images as they
are now, and the VM ends when its invocations are over, at the latest after five minutes.

With --host, new invocations and functions are refused from now on, idle instances stop, busy ones
end with what they run, and each VM ends when nothing is left in it. It returns when no VM is left;
interrupted, it leaves the host draining. That outlives the agent and a boot: 'hotplane uncordon'
ends it, and every function gets a VM again.

  hotplane drain resize-image
  hotplane drain resize-image --vm vm7
  hotplane drain --host --reason 'new firmware'
`,
  run,
};

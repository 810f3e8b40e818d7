import { ourName } from '../../base/users.ts';
import { type Command, type CommandInput, JSON_OPTION } from '../command.ts';
import { hostText } from '../host-text.ts';
import { SOCKET_OPTION } from '../socket.ts';
import { withAgent } from '../with-agent.ts';

const optionsWith = (reason: string) => ({
  reason: { value: 'TEXT', summary: reason },
  socket: SOCKET_OPTION,
  json: JSON_OPTION,
});
const WHY = 'why, for those who read it later';

async function run(input: CommandInput, is_on: boolean): Promise<void> {
  const who = { author: ourName(), reason: input.values.optional('reason') ?? '' };
  const host = await withAgent(input, (client, signal) =>
    is_on ? client.cordon({ ...who, drain: false }, { signal }) : client.uncordon(who, { signal }),
  );
  const text = input.values.flag('json') ? `${JSON.stringify(host)}\n` : hostText(host);
  input.stdout.write(text);
}

export const cordonCommand: Command = {
  name: 'cordon',
  summary: 'have the host take no new work',
  options: optionsWith(`${WHY}; default: what the cordon before said`),
  help: `
Nothing new starts: no VM, no instance, no function. Instances that are there serve on; a call for
which one would have to start is refused with HP_AGENT_HOST_CORDONED. It holds until 'hotplane
uncordon', also in the next agent and after a boot; /readyz answers 503 meanwhile. To empty the host
as well: 'hotplane drain --host'. Also without a reason it cordons; whether a host is cordoned, by
whom and why is shown by 'hotplane status' and 'hotplane top'.

  hotplane cordon --reason 'disk errors'
`,
  run: (input) => run(input, true),
};

export const uncordonCommand: Command = {
  name: 'uncordon',
  summary: 'have the host take new work again',
  options: optionsWith(WHY),
  help: `
Ends a cordon or a drain of the host. Functions whose VMs a drain ended get one again; where there
is no memory for it any more, 'hotplane status' says so, and they can be deployed again.

  hotplane uncordon
`,
  run: (input) => run(input, false),
};

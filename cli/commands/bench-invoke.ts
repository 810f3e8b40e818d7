import { MECHANISMS } from '../../agent/model/mechanism.ts';
import { JSON_OPTION, type Command } from '../command.ts';

export const benchInvokeCommand: Command = {
  name: 'bench invoke',
  summary: 'measure cold starts stage by stage, alone and in bursts, in real VMs',
  options: {
    mechanism: {
      value: 'LIST',
      summary: `of ${MECHANISMS.names.join(', ')}`,
      default: MECHANISMS.names.join(','),
    },
    starts: { value: 'LIST', summary: 'how many are asked for at once', default: '1,16' },
    rounds: { value: 'R', summary: 'times everything is run, in turns', default: '6' },
    vcpus: { value: 'N', summary: 'vCPUs of each VM', default: '2' },
    path: { summary: 'also measure what the way of a call costs beside the guest channel' },
    strict: { summary: 'exit with 1 when a promise was measured and missed' },
    json: JSON_OPTION,
  },
  help: `
Starts an agent of its own, boots one VM for each mechanism, and sends it bursts of invocations that
all need a new instance. Mechanisms take turns, every second round backwards. Prints for every stage
(request, guest at work, sandbox, plugged, attached, ready, told to the agent, first byte) the
median and the extremes, the first and the last of a burst, and their ratios within this run: first
of a burst to a lone start, last to that of static, hotmem to virtio-mem. About two minutes with the
defaults under TCG; guest images are built first when they are not there.

With --path an echo in C is called, too, empty and with 6 MiB, in turns with round trips of another
guest's bare channel: needs libhttp-parser-dev and erofs-utils, as functions of one's own do.

Exits with 0 also when a promise is missed, unless --strict.

Examples:
  hotplane bench invoke
  hotplane bench invoke --mechanism static,hotmem --starts 1,4,16 --rounds 10 --json
`,
  async run({ values, stdout, stderr, signal }) {
    const { runInvokeBench } = await import('../../bench/invoke/command.ts');
    return await runInvokeBench({
      options: {
        mechanism: values.text('mechanism'),
        starts: values.text('starts'),
        rounds: values.text('rounds'),
        vcpus: values.text('vcpus'),
        path: values.flag('path'),
      },
      strict: values.flag('strict'),
      json: values.flag('json'),
      stdout,
      stderr,
      signal,
    });
  },
};

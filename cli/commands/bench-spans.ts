import { JSON_OPTION, type Command } from '../command.ts';

export const benchSpansCommand: Command = {
  name: 'bench spans',
  summary: 'measure spans: memory opened, touched and closed many times in one invocation',
  options: {
    size: { value: 'SIZE', summary: 'of the span', default: '1GiB' },
    times: { value: 'T', summary: 'how often it is opened, in one invocation', default: '100' },
    touch: { value: 'PERCENT', summary: 'what of it is touched each time', default: '100' },
    strict: { summary: 'exit with 1 when a promise was measured and missed' },
    out: { value: 'DIR', summary: 'keep the result there, as spans.json' },
    json: JSON_OPTION,
  },
  help: `
Starts an agent of its own and boots a VM with mechanism static, then one with hotmem. In one
invocation of the latter a span is opened, touched, unmapped and closed, again and again; in one of
static as much memory is mapped, touched and unmapped, at most 8 times.

Prints what the VMM's process holds of the host's memory before, at most and at the end; what VMM,
guest and host say is left after each close; and how long an open takes, in its parts (the agent is
told, decides, asks the VMM, plugged, handed over and mapped), and a close, until the VMM and until
the host has the memory: p50, and p99 of 100 or more. Under TCG a GiB takes some ten seconds to
touch; guest images are built first when they are not there. The host needs the size and a GiB more.

Exits with 0 also when a promise is missed, unless --strict.

Examples:
  hotplane bench spans --size 64MiB --times 20
  hotplane bench spans --json --out bench-spans-1
`,
  async run({ values, stdout, stderr, signal }) {
    const { runSpansBench } = await import('../../bench/spans/command.ts');
    return await runSpansBench({
      options: {
        size: values.text('size'),
        times: values.text('times'),
        touch: values.text('touch'),
      },
      folder: values.optional('out'),
      strict: values.flag('strict'),
      json: values.flag('json'),
      stdout,
      stderr,
      signal,
    });
  },
};

import { JSON_OPTION, type Command } from '../command.ts';

export const benchProfileCommand: Command = {
  name: 'bench profile',
  summary: 'measure how late profile run sends calls, at 10, 100 and 1,000 a second',
  options: {
    rounds: { value: 'B', summary: 'times each rate is measured', default: '3' },
    seconds: { value: 'S', summary: 'of each measurement', default: '10' },
    seed: { value: 'N', summary: 'of the arrivals', default: '1' },
    json: JSON_OPTION,
  },
  help: `
Sends Poisson arrivals by the sender of 'profile run' to the real agent, as a process of its own
over a simulated VMM and guests that answer at once, and prints the arrival error, |sent - due|:
median, p99, the latest and the earliest, and when the agent had the call. Beside each rate the same
arrivals are timed without a call, in turn: what is late then is the host's own. Needs no VMM,
images or privileges.

Example:
  hotplane bench profile --rounds 5 --json
`,
  async run({ values, stdout, stderr, signal }) {
    const { runArrivalBench } = await import('../../bench/agent/arrivals-command.ts');
    const { readVersion } = await import('../../base/version.ts');
    await runArrivalBench({
      rounds: values.whole('rounds', 1, 100),
      seconds: values.number('seconds', 0.1, 600),
      seed: values.whole('seed', 0, 2 ** 31 - 1),
      json: values.flag('json'),
      hotplane_version: await readVersion(),
      stdout,
      stderr,
      signal,
    });
  },
};

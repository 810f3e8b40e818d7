import { JSON_OPTION, type Command } from '../command.ts';

export const profileReportCommand: Command = {
  name: 'profile report',
  summary: 'summary, stages and plot of a profile run, from its archive',
  positionals: ['DIR'],
  options: { json: JSON_OPTION },
  help: `
Reads the folder of a 'profile run' and prints how late its calls were sent, what each stage of a
call took, by instance of the workload, cold and warm apart, and what guests and host counted.
Writes stages.jsonl, a line for each call, and stages.svg into the folder: the same files give the
same bytes. Percentiles are by nearest rank; p95 is told from 20 calls on, p99 from 100.

Example:
  hotplane profile report first
`,
  async run({ values, positionals, stdout, signal }) {
    const { reportProfile } = await import('../../autoscaler/profile/profile-report.ts');
    const { told } = await reportProfile(positionals[0] ?? '', {
      json: values.flag('json'),
      signal,
    });
    stdout.write(told);
  },
};

import { JSON_OPTION, type Command } from '../command.ts';
import { badArguments } from '../errors.ts';
import { CLI_LIMITS } from '../limits.ts';
import type { Values } from '../values.ts';

export const traceGenerateCommand: Command = {
  name: 'trace generate',
  summary: 'make a trace in a published format, drawn from what is published of it',
  options: {
    format: {
      value: 'FORMAT',
      summary: 'of the files',
      default: 'azure2021',
      choices: ['azure2021', 'azure2019'],
    },
    seed: { value: 'N', summary: 'the same seed makes the same bytes', default: '1' },
    apps: { value: 'N', summary: 'applications (default: 119 for 2021, 1000 for 2019)' },
    functions: { value: 'N', summary: '2021: functions of all applications (default: 3.6 x apps)' },
    invocations: { value: 'N', summary: '2021: of all functions (default: 1980951)' },
    days: { value: 'N', summary: 'length of the trace', default: '14' },
    quirks: { summary: '2019: with the oddities of the published files, about as many' },
    out: { value: 'PATH', summary: 'a file for 2021, a folder for 2019', required: true },
    json: JSON_OPTION,
  },
  help: `
Nothing of a made trace was recorded: FILE.json beside it says so, with seed and parameters. Drawn
from published tables. 2021: the share of the most invoked applications, durations, shares of gaps
shorter than a second and longer than a minute, and the swing of a day. 2019: popularity, functions
of an application, triggers, durations (log-normal steps; the rarer a function the longer), memory
with its percentiles, timers with constant periods, other counts negative binomial. How near a made
trace came: 'hotplane trace validate'.

Examples:
  hotplane trace generate --invocations 10000 --out made.csv
  hotplane trace generate --format azure2019 --apps 200 --days 2 --quirks --out made2019
`,
  async run({ values, stdout, signal }) {
    const { runGenerate } = await import('../../autoscaler/trace/command.ts');
    refuseOther(values);
    const whole = (name: string, most: number): number | null =>
      values.optional(name) === undefined ? null : values.whole(name, 1, most);
    await runGenerate({
      format: values.choice('format', ['azure2021', 'azure2019']),
      seed: values.whole('seed', 0, 2 ** 31 - 1),
      apps: whole('apps', CLI_LIMITS.trace_functions),
      functions: whole('functions', CLI_LIMITS.trace_functions),
      invocations: whole('invocations', CLI_LIMITS.trace_invocations),
      days: values.whole('days', 1, CLI_LIMITS.trace_days),
      quirks: values.flag('quirks'),
      out: values.text('out'),
      json: values.flag('json'),
      stdout,
      signal,
    });
  },
};

/** What the other format alone has. */
function refuseOther(values: Values): void {
  const format = values.text('format');
  const other = format === 'azure2019' ? ['functions', 'invocations'] : ['quirks'];
  const odd = other.find((name) => values.raw[name] !== undefined);
  if (odd === undefined) return;
  throw badArguments('trace generate', `--${odd} says nothing of --format ${format}.`);
}

/** How a trace of DAGs is made, as options. */
import type { GenerateDagsOptions } from '../autoscaler/trace/dags/generate-dags.ts';
import type { Command } from './command.ts';
import { badValue } from './errors.ts';
import { CLI_LIMITS } from './limits.ts';
import { Values } from './values.ts';

export const DAGS_OPTIONS = {
  dags: { value: 'N', summary: 'DAGs of it', default: '60' },
  hours: { value: 'H', summary: 'length of the trace', default: '12' },
  seed: { value: 'N', summary: 'the same seed makes the same bytes', default: '1' },
  slack: { value: 'X', summary: 'deadline over the longest path of a DAG', default: '1.5' },
  spread: { value: 'X', summary: 'of the logarithm of how long a function runs', default: '0.1' },
  'longest-ms': { value: 'MS', summary: 'no function runs longer on average', default: '500' },
  'calls-a-day': {
    value: 'LEAST-MOST',
    summary: 'no DAG is called more seldom or more often',
    default: '100-2000',
  },
} as const satisfies Command['options'];

const OPTIONS: Command['options'] = DAGS_OPTIONS;

/** The same, for a command that can go by a file instead and finds out what was given. */
export const TOLD_DAGS_OPTIONS: Command['options'] = Object.fromEntries(
  Object.entries(OPTIONS).map(([name, one]) => [name, { ...one, default_is_told: true }]),
);

/** Which of them was given, of those that are only told; undefined: none. */
export function givenDagsOption(values: Values): string | undefined {
  return Object.keys(OPTIONS).find((name) => values.optional(name) !== undefined);
}

/** What was given, and the defaults of the rest. */
export function withDagsDefaults(values: Values): Values {
  const defaults = Object.entries(OPTIONS).map(([name, one]) => [name, one.default] as const);
  return new Values({ ...Object.fromEntries(defaults), ...values.raw });
}

const CALLS_A_DAY = /^(\d{1,9})-(\d{1,9})$/;

export function dagsOf(values: Values): GenerateDagsOptions {
  const text = values.text('calls-a-day');
  const [, least = '', most = ''] = CALLS_A_DAY.exec(text) ?? [];
  const [least_calls_a_day, most_calls_a_day] = [Number(least), Number(most)];
  if (least === '' || least_calls_a_day < 1 || most_calls_a_day < least_calls_a_day) {
    throw badValue('calls-a-day', text, 'two numbers like 100-2000, the smaller one first');
  }
  return {
    seed: values.whole('seed', 0, 2 ** 31 - 1),
    dags: values.whole('dags', 1, CLI_LIMITS.trace_dags),
    hours: values.number('hours', 0.01, CLI_LIMITS.dag_hours),
    slack: values.number('slack', 1, CLI_LIMITS.dag_slack),
    spread: values.number('spread', 0, 1),
    longest_ms: values.number('longest-ms', 1, CLI_LIMITS.simulated_cost_ms),
    least_calls_a_day,
    most_calls_a_day,
  };
}

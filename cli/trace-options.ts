/** Options that say how a trace is read; the same for every command that reads one. */
import { type FunctionChoice, readChoice } from '../autoscaler/trace/choice.ts';
import { OPEN_DEFAULTS, type OpenOptions } from '../autoscaler/trace/open-trace.ts';
import { ARRIVAL_SPREADS } from '../autoscaler/trace/expand.ts';
import type { OptionSpec } from './command.ts';
import { CLI_LIMITS } from './limits.ts';
import type { Values } from './values.ts';

export const TRACE_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  functions: { value: 'K', summary: 'of counts a minute, only the K most invoked (default: all)' },
  spread: {
    value: 'HOW',
    summary: 'where in their minute invocations lie',
    default: OPEN_DEFAULTS.spread,
    choices: ARRIVAL_SPREADS,
  },
  seed: { value: 'N', summary: 'of everything that is drawn', default: String(OPEN_DEFAULTS.seed) },
};

/** Which functions of the trace, for commands that play or sample it. */
export const CHOICE_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  only: { value: 'LIST', summary: 'functions and apps by name, or by the start of it' },
  trigger: { value: 'LIST', summary: 'functions with these triggers, e.g. http,timer' },
  percentile: { value: 'A-B', summary: 'functions by their number of calls, 100: the most called' },
};

/** Null: all of them. Throws `HP_TRACE_CHOICE`. */
export function choiceOf(values: Values): FunctionChoice | null {
  return readChoice({
    only: values.optional('only'),
    trigger: values.optional('trigger'),
    percentile: values.optional('percentile'),
  });
}

/** Throws HP_CLI_BAD_VALUE. */
export function openOptions(values: Values, signal: AbortSignal): OpenOptions {
  const has_functions = values.optional('functions') !== undefined;
  return {
    ...OPEN_DEFAULTS,
    functions: has_functions ? values.whole('functions', 1, CLI_LIMITS.trace_functions) : null,
    spread: values.choice('spread', ARRIVAL_SPREADS),
    seed: values.whole('seed', 0, 2 ** 31 - 1),
    signal,
  };
}

/** What files may be, for the help of every such command. */
export const TRACE_HELP = `Files are told apart by their first line:
  azure2021  app,func,end_timestamp,duration (AzureFunctionsInvocationTraceForTwoWeeksJan2021)
  azure2019  invocations_per_function_md.anon.dNN.csv, with function_durations_percentiles and
             app_memory_percentiles of any days: name all of them
  huawei2023 requests a minute of the private set, day,time,0,...,199
  arrivals   arrival_ms,function,duration_ms[,app][,memory_mib]
Traces of counts a minute do not tell when in a minute an invocation comes, nor how long each takes:
both are drawn with --seed, durations between the percentiles of the function.`;

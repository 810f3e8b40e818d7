/** Functions of a trace by name, by trigger, and by how often they are called. Pure. */
import { ColumnsBuilder } from './columns.ts';
import { traceChoice } from './errors.ts';
import type { Trace, TraceFunction } from './trace.ts';

/** What must hold of a function; of what is null anything does. */
export interface FunctionChoice {
  /** Of a function or of its application, whole or a start of it; one must fit. */
  readonly names: readonly string[] | null;
  readonly triggers: readonly string[] | null;
  /** Of all functions of the trace, by their number of calls: 0 the least called, 100 the most. */
  readonly percentiles: Percentiles | null;
}

export interface Percentiles {
  readonly low: number;
  readonly high: number;
}

/** As options have it. Null: nothing is asked for. Throws `HP_TRACE_CHOICE`. */
export function readChoice(texts: {
  readonly only: string | undefined;
  readonly trigger: string | undefined;
  readonly percentile: string | undefined;
}): FunctionChoice | null {
  const names = namesOf(texts.only);
  const triggers = namesOf(texts.trigger);
  const percentiles = percentilesOf(texts.percentile);
  const is_any = names === null && triggers === null && percentiles === null;
  return is_any ? null : { names, triggers, percentiles };
}

/** `90-100`. */
function percentilesOf(text: string | undefined): Percentiles | null {
  if (text === undefined) return null;
  const found = /^(\d+(?:\.\d+)?)-(\d+(?:\.\d+)?)$/.exec(text.trim());
  const [low, high] = [Number(found?.[1]), Number(found?.[2])];
  if (found !== null && low < high && high <= 100) return { low, high };
  throw traceChoice(`--percentile "${text}" is no range up to 100, as 90-100 is`);
}

/** `a, b`; null of nothing. */
function namesOf(text: string | undefined): readonly string[] | null {
  const names = (text ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  return names.length === 0 ? null : names;
}

/**
 * Which of them are chosen, in their order. Throws `HP_TRACE_CHOICE` when none is, when a name fits
 * none of them, and when triggers are asked for that the trace does not tell.
 */
export function chosenFunctions(
  functions: readonly TraceFunction[],
  { names, triggers, percentiles }: FunctionChoice,
): number[] {
  for (const name of names ?? []) {
    if (!functions.some((one) => isNamed(one, name)))
      throw traceChoice(`"${name}" is none of them`);
  }
  needTriggers(functions, triggers);
  const shares = percentiles === null ? null : sharesOf(functions);
  const chosen = [...functions.keys()].filter((index) => {
    const one = functions[index];
    const share = shares?.[index] ?? 0;
    return (
      one !== undefined &&
      (names === null || names.some((name) => isNamed(one, name))) &&
      (triggers === null || triggers.includes(one.trigger ?? '')) &&
      (percentiles === null || (share > percentiles.low && share <= percentiles.high))
    );
  });
  if (chosen.length > 0) return chosen;
  throw traceChoice(`none of ${functions.length} is all that was asked for`);
}

/** Its part of a trace; the quality stays that of the whole file. */
export function chosenPart(trace: Trace, choice: FunctionChoice): Trace {
  const chosen = chosenFunctions(trace.functions, choice);
  const place_of = new Map(chosen.map((index, place) => [index, place]));
  const builder = new ColumnsBuilder();
  const { function_index, arrival_ms, duration_ms, length } = trace.invocations;
  for (let at = 0; at < length; at += 1) {
    const place = place_of.get(function_index[at] ?? 0);
    if (place !== undefined) builder.add(place, arrival_ms[at] ?? 0, duration_ms[at] ?? 0);
  }
  const functions = chosen.flatMap((index) => trace.functions[index] ?? []);
  return { ...trace, functions, invocations: builder.inOrder() };
}

function isNamed({ app, func }: TraceFunction, name: string): boolean {
  return func.startsWith(name) || app.startsWith(name);
}

function needTriggers(
  functions: readonly TraceFunction[],
  triggers: readonly string[] | null,
): void {
  if (triggers === null) return;
  const told = [...new Set(functions.flatMap(({ trigger }) => trigger ?? []))].toSorted();
  if (told.length === 0) throw traceChoice('the trace tells no triggers');
  const unknown = triggers.find((one) => !told.includes(one));
  if (unknown !== undefined) {
    throw traceChoice(`no trigger is "${unknown}": there are ${told.join(', ')}`);
  }
}

/** Of each the share of functions, in percent, that are called as seldom as it or seldomer. */
function sharesOf(functions: readonly TraceFunction[]): number[] {
  const order = [...functions.keys()].toSorted((a, b) => {
    const [left, right] = [functions[a], functions[b]];
    return (left?.invocations ?? 0) - (right?.invocations ?? 0) || a - b;
  });
  const shares: number[] = [];
  for (const [rank, index] of order.entries()) shares[index] = ((rank + 1) / order.length) * 100;
  return shares;
}

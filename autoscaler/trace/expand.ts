/**
 * Invocations made of counts a minute, with a seed: when in its minute each comes, and how long it
 * takes, are drawn, for the trace does not tell them. Pure.
 */
import { seededRandom } from '../../base/random.ts';
import { chosenFunctions, type FunctionChoice } from './choice.ts';
import { ColumnsBuilder, type InvocationColumns } from './columns.ts';
import { traceTooLong } from './errors.ts';
import { TRACE_LIMITS } from './limits.ts';
import { type Durations, functionKey, type MinuteTable } from './minutes.ts';
import type { RuleCounts } from './rules.ts';
import type { TraceFunction } from './trace.ts';

/** Where in their minute invocations lie; the choices of In-Vitro. */
export const ARRIVAL_SPREADS = ['uniform', 'exponential', 'equidistant'] as const;
export type ArrivalSpread = (typeof ARRIVAL_SPREADS)[number];

export interface ExpandOptions {
  readonly seed: number;
  readonly spread: ArrivalSpread;
  /** The most invoked so many; null: all. */
  readonly functions: number | null;
  /** Of a function of which nothing is known; null: the median of the others. */
  readonly duration_ms: number | null;
  /** Of which functions; absent: of all. The most invoked are then the most invoked of these. */
  readonly choice?: FunctionChoice | null;
  /** No invocation is made. */
  readonly counts_only?: boolean;
  /** For messages. */
  readonly path: string;
}

export interface KnownOfFunctions {
  /** By {@link functionKey}. */
  readonly durations: ReadonlyMap<string, Durations>;
  /** By application, or application and function, as in the file. */
  readonly memory_bytes: ReadonlyMap<string, number>;
}

export interface Expanded {
  readonly functions: readonly TraceFunction[];
  readonly invocations: InvocationColumns;
}

const MINUTE_MS = 60_000;
/** Shares at which the trace of 2019 tells durations. */
const SHARES = [0, 0.01, 0.25, 0.5, 0.75, 0.99, 1];
/** Where nothing is known of any function: the trace of 2019 has it as the median of functions. */
const MEDIAN_MS = 670;

/** Throws `HP_TRACE_TOO_LONG` when the chosen functions have more invocations than are held. */
export function expandMinutes(
  table: MinuteTable,
  known: KnownOfFunctions,
  rules: RuleCounts,
  options: ExpandOptions,
): Expanded {
  const chosen = chosenOf(table, options, rules);
  const total = chosen.reduce((sum, index) => sum + (table.functions[index]?.invocations ?? 0), 0);
  const { counts_only = false } = options;
  if (total > TRACE_LIMITS.rows && !counts_only)
    throw traceTooLong(options.path, TRACE_LIMITS.rows, total);
  const position = new Map(chosen.map((index, at) => [index, at]));
  const median = medianDurations(known.durations);
  const fallback_ms = options.duration_ms ?? median;
  const memory = medianBytes(known.memory_bytes);
  const functions = chosen.map((index) => functionOf(table, index, known, rules, memory));
  const durations = chosen.map((index) => durationsOf(table, index, known, rules));
  const builder = new ColumnsBuilder();
  const random = seededRandom(options.seed);
  const place = placer(options.spread, random);
  if (counts_only) return { functions, invocations: builder.inOrder() };
  table.forEach((index, minute, count) => {
    const at = position.get(index);
    if (at === undefined) return;
    const of = durations[at] ?? null;
    place(count, (share) => {
      const arrival_ms = Math.round((minute + share) * MINUTE_MS * 1000) / 1000;
      builder.add(at, arrival_ms, of ? drawDuration(of, random()) : fallback_ms);
    });
  });
  return { functions, invocations: builder.inOrder() };
}

function chosenOf(
  table: MinuteTable,
  { functions: most, choice = null }: Pick<ExpandOptions, 'functions' | 'choice'>,
  rules: RuleCounts,
): number[] {
  let invoked: number[] = [];
  for (const [index, { invocations }] of table.functions.entries()) {
    if (invocations > 0) invoked.push(index);
  }
  rules.note('never-invoked', null, table.functions.length - invoked.length);
  if (choice) {
    const all = invoked.flatMap((index) => table.functions[index] ?? []);
    invoked = chosenFunctions(all, choice).flatMap((place) => invoked[place] ?? []);
  }
  if (most === null || most >= invoked.length) return invoked;
  const of = (index: number): number => table.functions[index]?.invocations ?? 0;
  return invoked.toSorted((a, b) => of(b) - of(a) || a - b).slice(0, most);
}

function functionOf(
  table: MinuteTable,
  index: number,
  { memory_bytes }: KnownOfFunctions,
  rules: RuleCounts,
  median: number | null,
): TraceFunction {
  const one = table.functions[index] ?? { app: '', func: '', trigger: '', invocations: 0 };
  const { app, func, trigger, invocations } = one;
  const told = { app, func, ...(trigger !== '' && { trigger }), invocations };
  if (median === null) return told;
  const found = memory_bytes.get(app) ?? memory_bytes.get(`${app}/${func}`);
  if (found === undefined) rules.note('no-memory');
  return { ...told, memory_bytes: found ?? median };
}

function durationsOf(
  table: MinuteTable,
  index: number,
  { durations }: KnownOfFunctions,
  rules: RuleCounts,
): Durations | null {
  const one = table.functions[index];
  if (!one || durations.size === 0) return null;
  const found = durations.get(functionKey(one));
  if (!found) rules.note('no-durations');
  else if (found.executions !== one.invocations) rules.note('count-differs');
  return found ?? null;
}

/** Tells for each of `count` invocations which share of its minute is over when it comes. */
function placer(
  spread: ArrivalSpread,
  random: () => number,
): (count: number, tell: (share: number) => void) => void {
  if (spread === 'equidistant') {
    return (count, tell) => {
      for (let at = 0; at < count; at += 1) tell((at + 0.5) / count);
    };
  }
  if (spread === 'uniform') {
    return (count, tell) => {
      for (let at = 0; at < count; at += 1) tell(random());
    };
  }
  // Gaps are exponential; a last one, to the end of the minute, makes them fill it.
  return (count, tell) => {
    const gaps = Array.from({ length: count + 1 }, () => -Math.log(1 - random()));
    const sum = gaps.reduce((total, gap) => total + gap, 0);
    let passed = 0;
    for (const gap of gaps.slice(0, count)) tell((passed += gap) / sum);
  };
}

/** Between two percentiles that are told, on a line. */
function drawDuration({ percentiles_ms }: Durations, share: number): number {
  const above = SHARES.findIndex((one) => one >= share);
  const high = percentiles_ms[above] ?? 0;
  const low = percentiles_ms[above - 1] ?? high;
  const from = SHARES[above - 1] ?? 0;
  const part = above > 0 ? (share - from) / ((SHARES[above] ?? 1) - from) : 0;
  return Math.max(1, Math.round((low + (high - low) * part) * 1000) / 1000);
}

function medianDurations(durations: ReadonlyMap<string, Durations>): number {
  const sorted = [...durations.values()].map((one) => one.percentiles_ms[3] ?? 0);
  sorted.sort((a, b) => a - b);
  return sorted.length === 0 ? MEDIAN_MS : Math.max(1, sorted[sorted.length >> 1] ?? MEDIAN_MS);
}

function medianBytes(memory: ReadonlyMap<string, number>): number | null {
  const sorted = [...memory.values()].toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? null;
}

/** How far a trace is from what is published of the traces of its kind. Pure. */
import { MIB } from '../../base/units.ts';
import {
  APP_FUNCTIONS,
  APP_GAP_VARIATION,
  APP_INVOCATIONS_A_DAY,
  APP_MEMORY_MOST_MB,
  DURATION_2021_MS,
  FUNCTION_DURATION_MS,
  TOP_APPS_2021,
} from './published.ts';
import { distanceToTable } from './quantiles.ts';
import type { Trace } from './trace.ts';

export interface Likeness {
  readonly what: string;
  readonly n: number;
  /** Largest difference of shares (Kolmogorov and Smirnov); null: the trace does not tell it. */
  readonly distance: number | null;
}

interface AppFacts {
  functions: number;
  invocations: number;
  memory_bytes: number;
  last_ms: number;
  gaps: number;
  gap_sum: number;
  gap_squares: number;
}

const DAY_MS = 86_400_000;

/** Against the tables of 2021 for a trace of that format, and else against those of 2019. */
export function likenessOf(trace: Trace): Likeness[] {
  const apps = appsOf(trace);
  const days = Math.max(1, Math.ceil(trace.quality.span_ms / DAY_MS));
  if (trace.format === 'azure2021') return [...like2021(trace, apps)];
  const rates = [...apps.values()].map((one) => one.invocations / days);
  const memory = trace.functions.flatMap((one) => one.memory_bytes ?? []);
  return [
    like('invocations a day of an application', rates, APP_INVOCATIONS_A_DAY),
    like(
      'functions of an application',
      [...apps.values()].map((one) => one.functions),
      APP_FUNCTIONS,
    ),
    like('mean duration of a function', meanDurations(trace), FUNCTION_DURATION_MS),
    like(
      'memory of an application, at its most',
      memory.map((bytes) => bytes / MIB),
      APP_MEMORY_MOST_MB,
    ),
    like('variation of the gaps of an application', variations(apps), APP_GAP_VARIATION),
  ];
}

function* like2021(trace: Trace, apps: ReadonlyMap<string, AppFacts>): Iterable<Likeness> {
  const durations = [...trace.invocations.duration_ms].filter((ms) => ms > 0);
  yield like('durations that are not 0', durations, DURATION_2021_MS);
  const counts = [...apps.values()].map((one) => one.invocations).toSorted((a, b) => b - a);
  let far = 0;
  for (const [rank, share] of TOP_APPS_2021) {
    const own = counts.slice(0, rank).reduce((sum, count) => sum + count, 0);
    far = Math.max(far, Math.abs(own / trace.invocations.length - share));
  }
  const distance = Math.round(far * 1e4) / 1e4;
  yield { what: 'share of the most invoked applications', n: counts.length, distance };
}

function like(
  what: string,
  sample: readonly number[],
  table: Parameters<typeof distanceToTable>[1],
): Likeness {
  return { what, n: sample.length, distance: distanceToTable(sample, table) };
}

function appsOf({
  functions,
  invocations: { function_index, arrival_ms, length },
}: Trace): Map<string, AppFacts> {
  const apps = new Map<string, AppFacts>();
  const of_function = functions.map(({ app, invocations, memory_bytes = 0 }) => {
    const none = { functions: 0, invocations: 0, memory_bytes: 0, last_ms: Number.NaN };
    const found = apps.get(app) ?? { ...none, gaps: 0, gap_sum: 0, gap_squares: 0 };
    found.functions += 1;
    found.invocations += invocations;
    found.memory_bytes = Math.max(found.memory_bytes, memory_bytes);
    apps.set(app, found);
    return found;
  });
  for (let at = 0; at < length; at += 1) {
    const app = of_function[function_index[at] ?? 0];
    const now_ms = arrival_ms[at] ?? 0;
    if (!app) continue;
    const gap_ms = now_ms - app.last_ms;
    app.last_ms = now_ms;
    if (Number.isNaN(gap_ms)) continue;
    app.gaps += 1;
    app.gap_sum += gap_ms;
    app.gap_squares += gap_ms * gap_ms;
  }
  return apps;
}

/** Of applications with enough gaps to tell. */
function variations(apps: ReadonlyMap<string, AppFacts>): number[] {
  const found: number[] = [];
  for (const { gaps, gap_sum, gap_squares } of apps.values()) {
    const mean = gap_sum / gaps;
    if (gaps >= 2 && mean > 0)
      found.push(Math.sqrt(Math.max(0, gap_squares / gaps - mean ** 2)) / mean);
  }
  return found;
}

function meanDurations({ functions, invocations }: Trace): number[] {
  if (invocations.length === 0) return [];
  const sums = new Float64Array(functions.length);
  const { function_index, duration_ms, length } = invocations;
  for (let at = 0; at < length; at += 1) {
    const index = function_index[at] ?? 0;
    sums[index] = (sums[index] ?? 0) + (duration_ms[at] ?? 0);
  }
  return functions.map((one, index) => (sums[index] ?? 0) / Math.max(1, one.invocations));
}

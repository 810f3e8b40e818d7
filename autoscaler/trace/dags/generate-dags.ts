/**
 * A trace of DAGs that nobody recorded, drawn with a seed: shapes as published (ORION), durations,
 * memory and popularity of functions and applications as published of Azure 2019, gaps between
 * calls as in the trace of 2021. Every DAG is an application, every stage a function of its own.
 * Its deadline is so many times its warm critical path by the means of its functions. Pure.
 */
import { seededRandom } from '../../../base/random.ts';
import { MIB } from '../../../base/units.ts';
import { planDag } from '../../../agent/dag/plan.ts';
import type { DagSpec } from '../../../agent/model/dag.ts';
import { tooManyMade } from '../errors.ts';
import { appArrivals, normal } from '../generate.ts';
import { TRACE_LIMITS } from '../limits.ts';
import { APP_INVOCATIONS_A_DAY, APP_MEMORY_MB, FUNCTION_DURATION_MS } from '../published.ts';
import { quantileAt } from '../quantiles.ts';
import { DAG_TRACE_FORMAT, type DagArrival, type DagFunction, type DagTrace } from './dag-trace.ts';
import { dagOf, shapeAt } from './shapes.ts';

export interface GenerateDagsOptions {
  readonly seed: number;
  /** Each is called at least once. */
  readonly dags: number;
  readonly hours: number;
  /** Deadline over the warm critical path. */
  readonly slack: number;
  /** Deviation of the logarithm of a run's length about its function's; chosen, not published. */
  readonly spread: number;
  /** No function runs longer on average; the published table is cut there. */
  readonly longest_ms: number;
  /** No DAG is called more seldom, and none more often: the published table is cut there. */
  readonly least_calls_a_day: number;
  readonly most_calls_a_day: number;
}

const HOUR_MS = 3_600_000;
const HOURS_A_DAY = 24;

/** Throws HP_TRACE_TOO_LONG before more calls are made than a trace of DAGs has. */
export function generateDags(options: GenerateDagsOptions): DagTrace {
  const random = seededRandom(options.seed);
  const window_ms = options.hours * HOUR_MS;
  const functions: DagFunction[] = [];
  const dags: DagSpec[] = [];
  const calls: DagArrival[] = [];
  const longest_place = placeOf(FUNCTION_DURATION_MS, options.longest_ms);
  const [least_place, most_place] = [
    placeOf(APP_INVOCATIONS_A_DAY, options.least_calls_a_day),
    placeOf(APP_INVOCATIONS_A_DAY, options.most_calls_a_day),
  ];
  for (let dag = 0; dag < options.dags; dag += 1) {
    const levels = shapeAt(random());
    const memory_bytes = Math.round(quantileAt(APP_MEMORY_MB, random())) * MIB;
    const first = functions.length;
    for (let left = levels.reduce((sum, width) => sum + width, 0); left > 0; left -= 1) {
      const mean_ms = round(quantileAt(FUNCTION_DURATION_MS, random() * longest_place));
      functions.push({ name: `d${dag}-f${functions.length - first}`, memory_bytes, mean_ms });
    }
    const meanMs = (fn: string): number =>
      functions.find((one, at) => at >= first && one.name === fn)?.mean_ms ?? 0;
    const bare = dagOf(`d${dag}`, levels, (stage) => functions[first + stage]?.name ?? '');
    const { path_ms } = planDag({ ...bare, deadline_ms: 1 }, meanMs);
    const { name, stages, edges, ready_ms } = bare;
    const deadline_ms = Math.max(1, round(options.slack * path_ms));
    dags.push({ name, deadline_ms, stages, edges, ready_ms });
    const place = least_place + random() * Math.max(0, most_place - least_place);
    const a_day = quantileAt(APP_INVOCATIONS_A_DAY, place);
    const count = Math.max(1, Math.round((a_day * options.hours) / HOURS_A_DAY));
    if (calls.length + count > TRACE_LIMITS.dag_calls) throw tooManyMade(TRACE_LIMITS.dag_calls);
    for (const at_ms of appArrivals(count, window_ms, random)) {
      const run_ms = bare.stages.map(({ function: fn }) => {
        return round(meanMs(fn) * spreadOf(options.spread, random));
      });
      calls.push({ dag, at_ms: Math.min(window_ms, at_ms), run_ms });
    }
  }
  const made_of = { ...options };
  calls.sort((a, b) => a.at_ms - b.at_ms || a.dag - b.dag);
  const head = { format: DAG_TRACE_FORMAT, kind: 'synthetic', made_of, window_ms } as const;
  return { head, functions, dags, calls };
}

/** The share of a table that lies below a value. */
function placeOf(table: Parameters<typeof quantileAt>[0], value: number): number {
  let [low, high] = [0, 1];
  while (high - low > 1e-9) {
    const middle = (low + high) / 2;
    if (quantileAt(table, middle) < value) low = middle;
    else high = middle;
  }
  return high;
}

/** Log-normal, 1 on average. */
function spreadOf(spread: number, random: () => number): number {
  return Math.exp(spread * normal(random) - (spread * spread) / 2);
}

const round = (value_ms: number): number => Math.round(value_ms * 1_000) / 1_000;

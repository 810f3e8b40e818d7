/**
 * A part of a trace that is like the whole: functions are put in an order drawn by a seed, and the
 * first K are the sample, so that a smaller sample is part of every larger one. Of some orders the
 * one is taken whose samples are nearest to the whole (as In-Vitro does, whose samples come near by
 * invocations and by what they cost). Pure.
 */
import { seededRandom } from '../../base/random.ts';
import { InvocationColumns } from './columns.ts';
import { traceTooFewFunctions } from './errors.ts';
import { wasserstein } from './quantiles.ts';
import type { Trace, TraceFunction } from './trace.ts';

export interface SampleOptions {
  readonly functions: number;
  readonly seed: number;
  /** Orders to choose from. */
  readonly trials: number;
}

export interface SampleDistance {
  /** Wasserstein distance of the logarithm (base 10) of invocations of a function. */
  readonly invocations: number;
  /** The same of invocations x mean duration (x memory, where it is known). */
  readonly cost: number;
}

export interface TraceSample {
  readonly functions: readonly TraceFunction[];
  readonly invocations: InvocationColumns;
  readonly distance: SampleDistance;
  /** Of an order that was drawn once, on average over the trials: what choosing gained. */
  readonly distance_of_one_draw: SampleDistance;
  readonly trial: number;
}

interface Features {
  readonly invocations: readonly number[];
  readonly cost: readonly number[];
}

/** Throws `HP_TRACE_TOO_FEW_FUNCTIONS`. */
export function sampleTrace(trace: Trace, options: SampleOptions): TraceSample {
  const total = trace.functions.length;
  if (options.functions > total) throw traceTooFewFunctions(options.functions, total);
  const all = featuresOf(trace);
  const sizes = [...ladder(total)];
  const orders = Array.from({ length: options.trials }, (_, trial) => {
    const order = shuffled(total, seededRandom((options.seed + trial * 0x9e3779b9) >>> 0));
    const sum = sizes.reduce((far, size) => far + meanOf(distanceOf(all, order, size)), 0);
    return { trial, order, sum };
  });
  const best = orders.reduce((one, other) => (other.sum < one.sum ? other : one));
  const { invocations, functions } = restrict(trace, best.order.slice(0, options.functions));
  const distances = orders.map(({ order }) => distanceOf(all, order, options.functions));
  const mean = (of: (one: SampleDistance) => number): number =>
    rounded(distances.reduce((sum, one) => sum + of(one), 0) / distances.length);
  return {
    functions,
    invocations,
    distance: distanceOf(all, best.order, options.functions),
    distance_of_one_draw: {
      invocations: mean((one) => one.invocations),
      cost: mean((one) => one.cost),
    },
    trial: best.trial,
  };
}

function featuresOf({ functions, invocations }: Trace): Features {
  const busy_ms = new Float64Array(functions.length);
  const { function_index, duration_ms, length } = invocations;
  for (let at = 0; at < length; at += 1) {
    const index = function_index[at] ?? 0;
    busy_ms[index] = (busy_ms[index] ?? 0) + (duration_ms[at] ?? 0);
  }
  return {
    invocations: functions.map((one) => Math.log10(Math.max(1, one.invocations))),
    cost: functions.map((one, index) =>
      Math.log10(Math.max(1, (busy_ms[index] ?? 0) * (one.memory_bytes ?? 1))),
    ),
  };
}

function distanceOf(all: Features, order: readonly number[], size: number): SampleDistance {
  const chosen = order.slice(0, size);
  const of = (values: readonly number[]): number =>
    rounded(
      wasserstein(
        values,
        chosen.map((index) => values[index] ?? 0),
      ) ?? 0,
    );
  return { invocations: of(all.invocations), cost: of(all.cost) };
}

const meanOf = ({ invocations, cost }: SampleDistance): number => (invocations + cost) / 2;

/** Sizes at which an order is judged, whatever is asked for: else samples would not be nested. */
function* ladder(total: number): Iterable<number> {
  for (let size = Math.min(8, total); size < total; size *= 2) yield size;
}

function shuffled(count: number, random: () => number): number[] {
  const order = Array.from({ length: count }, (_, index) => index);
  for (let at = count - 1; at > 0; at -= 1) {
    const other = Math.floor(random() * (at + 1));
    [order[at], order[other]] = [order[other] ?? 0, order[at] ?? 0];
  }
  return order;
}

/** The trace of these functions alone. */
function restrict(
  trace: Trace,
  chosen: readonly number[],
): { readonly functions: readonly TraceFunction[]; readonly invocations: InvocationColumns } {
  const kept = chosen.toSorted((a, b) => a - b);
  const position = new Map(kept.map((index, at) => [index, at]));
  const functions = kept.flatMap((index) => trace.functions[index] ?? []);
  function* selected(): Iterable<{
    function_index: number;
    arrival_ms: number;
    duration_ms: number;
  }> {
    for (const one of trace.invocations) {
      const function_index = position.get(one.function_index);
      if (function_index !== undefined) yield { ...one, function_index };
    }
  }
  return { functions, invocations: InvocationColumns.from(selected()) };
}

function rounded(value: number): number {
  return Math.round(value * 1e6) / 1e6;
}

/**
 * What one function's unplug costs another: calls during which memory of another function was on
 * its way back, against calls during which nothing of another function went on, of the same run, so
 * that whatever else the host did fell on both. Calls that met anything else of another function
 * (its plug, its start, its work) are in neither. Pure.
 */
import { seededRandom } from '../../base/random.ts';
import type { OperationLine } from '../results/schema.ts';
import type { ProfiledCall } from './archive.ts';
import { type PercentileDifference, percentileDifference } from './difference.ts';
import type { CallStages } from './stages.ts';

export interface Interference {
  /** Of the workload; its warm calls. */
  readonly instance: string;
  readonly alone: number;
  readonly met: number;
  /** Of the whole call, alone and meeting an unplug; null: too few. */
  readonly p50: PercentileDifference | null;
  readonly p95: PercentileDifference | null;
}

interface Span {
  readonly from_ms: number;
  readonly to_ms: number;
}

/** Draws are of one seed: the same archive gives the same figures. */
const DRAWS_SEED = 1;

/** Of each instance with calls that met an unplug, in the order of the workload's first calls. */
export function interferenceOf(
  lines: readonly ProfiledCall[],
  calls: readonly CallStages[],
  operations: readonly OperationLine[],
): Interference[] {
  const unplugs = spansByFunction(operations.filter(({ kind }) => kind === 'unplug'));
  const plugs = spansByFunction(operations.filter(({ kind }) => kind === 'plug'));
  const work = workByFunction(lines);
  const found = new Map<string, { alone: number[]; met: number[] }>();
  for (const [index, call] of calls.entries()) {
    const line = lines[index];
    if (!line || call.cold || call.outcome !== 'done' || call.whole_ms === null) continue;
    const span = spanOf(line.received_at_ms, line.finished_at_ms);
    if (!span) continue;
    const meets = (of: ReadonlyMap<string, readonly Span[]>): boolean =>
      meetsOther(of, call.function, span);
    const own = found.get(call.instance) ?? { alone: [], met: [] };
    found.set(call.instance, own);
    if (meets(work) || meets(plugs)) continue;
    own[meets(unplugs) ? 'met' : 'alone'].push(call.whole_ms);
  }
  return [...found].flatMap(([instance, { alone, met }]) => {
    if (met.length === 0) return [];
    const random = seededRandom(DRAWS_SEED);
    const at = (share: number) => percentileDifference(alone, met, share, random);
    return { instance, alone: alone.length, met: met.length, p50: at(0.5), p95: at(0.95) };
  });
}

/** From the stop of an instance, or the decision, to the last that was seen of it. */
function spansByFunction(operations: readonly OperationLine[]): Map<string, Span[]> {
  return byFunction(operations, (one) => {
    const from_ms = one.stop_at_ms ?? one.decided_at_ms;
    const to_ms = one.resident_at_ms ?? one.plugged_at_ms ?? one.accepted_at_ms;
    return spanOf(from_ms, to_ms);
  });
}

const workByFunction = (lines: readonly ProfiledCall[]): Map<string, Span[]> =>
  byFunction(lines, (one) => spanOf(one.received_at_ms, one.finished_at_ms));

function byFunction<One extends { readonly function: string }>(
  all: readonly One[],
  spanFor: (one: One) => Span | null,
): Map<string, Span[]> {
  const found = new Map<string, Span[]>();
  for (const one of all) {
    const span = spanFor(one);
    if (!span) continue;
    const own = found.get(one.function);
    if (own) own.push(span);
    else found.set(one.function, [span]);
  }
  return new Map([...found].map(([name, spans]) => [name, joined(spans)]));
}

/** Ascending, those that touch as one. */
function joined(spans: readonly Span[]): Span[] {
  const found: Span[] = [];
  for (const span of spans.toSorted((a, b) => a.from_ms - b.from_ms)) {
    const last = found.at(-1);
    if (!last || span.from_ms > last.to_ms) found.push(span);
    else if (span.to_ms > last.to_ms) found[found.length - 1] = { ...last, to_ms: span.to_ms };
  }
  return found;
}

const spanOf = (from_ms: number | null, to_ms: number | null): Span | null =>
  from_ms === null || to_ms === null || to_ms < from_ms ? null : { from_ms, to_ms };

function meetsOther(
  all: ReadonlyMap<string, readonly Span[]>,
  own: string,
  { from_ms, to_ms }: Span,
): boolean {
  for (const [name, spans] of all) {
    if (name === own) continue;
    const last = lastBegun(spans, to_ms);
    if (last && last.to_ms >= from_ms) return true;
  }
  return false;
}

/** Of spans that do not touch: the last that begins by then. */
function lastBegun(spans: readonly Span[], at_ms: number): Span | undefined {
  let [low, high] = [0, spans.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((spans[middle]?.from_ms ?? Number.POSITIVE_INFINITY) <= at_ms) low = middle + 1;
    else high = middle;
  }
  return spans[low - 1];
}

/**
 * How many bytes a function gets: estimators in order, the first that has an answer decides, and
 * why is kept with it. Pure.
 */
import { USUAL_BASELINE_BYTES } from '../../../agent/model/spec.ts';
import { MIB } from '../../../base/units.ts';
import { sizeHolding } from './classes.ts';

/** Where an answer comes from. */
export type EstimateSource = 'expression' | 'history' | 'declared';

export interface SizeEstimate {
  /** At the start of an instance. */
  readonly baseline_bytes: number;
  /** One step of growth. */
  readonly increment_bytes: number;
  /** Hard ceiling. */
  readonly max_bytes: number;
  readonly by: EstimateSource;
  /** For people: the rule and its numbers. */
  readonly because: string;
  /** How far off the estimate was, of 20 in 19; null: not known. */
  readonly error_p95_bytes: number | null;
}

/** What is known when a size is asked for. */
export interface Features {
  /** Hard ceiling of the function. */
  readonly max_bytes: number;
}

/** Null: it has no answer, and the next is asked. */
export type Estimator = (features: Features) => SizeEstimate | null;

/** Before anything is known: 256 + 64 MiB (ReSC). */
export const DECLARED_BASELINE_BYTES = USUAL_BASELINE_BYTES;
export const DECLARED_INCREMENT_BYTES = 64 * MIB;

/** What a function says of itself; absent: the sizes before history. */
export interface DeclaredSize {
  readonly baseline_bytes?: number;
  readonly increment_bytes?: number;
}

/** The last of every chain: it always has an answer, cut at the ceiling. */
function declaredSize(declared: DeclaredSize, { max_bytes }: Features): SizeEstimate {
  const told = declared.baseline_bytes !== undefined || declared.increment_bytes !== undefined;
  return within(max_bytes, {
    baseline_bytes: declared.baseline_bytes ?? DECLARED_BASELINE_BYTES,
    increment_bytes: declared.increment_bytes ?? DECLARED_INCREMENT_BYTES,
    by: 'declared',
    because: told ? 'the function declares it' : 'nothing is known yet: 256 MiB, grown by 64 MiB',
    error_p95_bytes: null,
  });
}

/** The first of every chain: what the function's expression says of this call. */
export function expressionEstimator(
  expected: { readonly bytes: number | null; readonly because: string },
  increment_bytes: number | null | undefined,
): Estimator {
  return ({ max_bytes }) => {
    const { bytes, because } = expected;
    if (bytes === null) return null;
    return within(max_bytes, {
      baseline_bytes: bytes,
      increment_bytes: increment_bytes ?? DECLARED_INCREMENT_BYTES,
      by: 'expression',
      because,
      error_p95_bytes: null,
    });
  };
}

/** The first answer of the chain, and what is declared where none has any. */
export function estimateSize(
  chain: readonly Estimator[],
  declared: DeclaredSize,
  features: Features,
): SizeEstimate {
  for (const estimator of chain) {
    const answer = estimator(features);
    if (answer) return answer;
  }
  return declaredSize(declared, features);
}

/** An estimate cut at the ceiling: no step of growth is larger than what is left to grow. */
export function within(max_bytes: number, wish: Omit<SizeEstimate, 'max_bytes'>): SizeEstimate {
  const baseline_bytes = Math.min(wish.baseline_bytes, max_bytes);
  const left_bytes = max_bytes - baseline_bytes;
  const increment_bytes =
    left_bytes === 0
      ? wish.increment_bytes
      : Math.min(wish.increment_bytes, sizeHolding(left_bytes));
  return { ...wish, baseline_bytes, increment_bytes, max_bytes };
}

/**
 * Why instances are started that nobody waits for: a policy wants some, calls that are foreseen add
 * to them, then what definition or targets keep, then what the pool wants ready. Pure.
 */
import type { StartedFor } from '../model/started-for.ts';
import type { FunctionState, QueuedInvocation } from '../model/state.ts';
import { instanceBounds } from '../model/targets.ts';
import type { Scale } from './policy.ts';

/** An answer about numbers, at each place that may add to its starts. */
export interface ScaleParts {
  /** The policy's own. */
  readonly asked: Scale;
  /** With calls that are foreseen. */
  readonly wished: Scale;
  /** Starts that the function's bounds ask for, those before counted. */
  readonly kept: number;
}

export function forCall({ invocation_id }: Pick<QueuedInvocation, 'invocation_id'>): StartedFor {
  return { what: 'call', because: `call '${invocation_id}' found no idle instance` };
}

/** Of the start that has so many before it, in the order in which they are asked for. */
export function forNobody(fn: FunctionState, parts: ScaleParts, before: number): StartedFor {
  const { asked, wished, kept } = parts;
  if (before < asked.starts) return { what: 'policy', because: saysOf(asked) };
  if (before < wished.starts) {
    const because = `calls of its DAGs are foreseen: ${fn.expected.length}`;
    return { what: 'foreseen', because };
  }
  if (before >= kept) return { what: 'pool', because: saysOf(asked) };
  const { min, warm } = instanceBounds(fn.spec, fn.targets);
  const because = `at least ${min} instances are kept, and ${warm} idle, by definition or targets`;
  return { what: 'bounds', because };
}

const saysOf = ({ because, warm = 0 }: Scale): string =>
  because?.() ?? `its policy wants ${warm} idle`;

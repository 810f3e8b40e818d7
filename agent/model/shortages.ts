/** The order in which functions that wait for memory get it. Pure. */
import { assert } from '../../base/assert.ts';
import type { HostState, Shortage } from './state.ts';

/** Those of a state that was read back. */
export function shortOf(functions: HostState['functions']): readonly string[] {
  const names = [...functions.values()].filter(({ short }) => short).map(({ spec }) => spec.name);
  return inOrderOfArrival(names, (name) => functions.get(name)?.short ?? null);
}

/** Whose oldest invocation came first comes first. */
export function inOrderOfArrival(
  names: readonly string[],
  shortageOf: (name: string) => Shortage | null,
): readonly string[] {
  const placeOf = (name: string): number => {
    const short = shortageOf(name);
    assert(short, 'a function in the order of those that wait for memory does so');
    return short.received_at_ms;
  };
  return names.toSorted((a, b) => placeOf(a) - placeOf(b) || (a < b ? -1 : 1));
}

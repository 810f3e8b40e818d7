/** Which function gets which profile of the memory model. Pure: the seed is an argument. */
import { assert } from '../../base/assert.ts';
import type { FunctionProfile, MemoryModel } from './models.ts';

/**
 * `rank`: the profiles in order of the model, by rank of the function (1 = most invoked), then again
 * from the start. `random`: every function draws its profile, as in the paper; the seed decides.
 */
export type ProfileMapping = 'rank' | 'random';

/** One profile for each of `count` functions, by rank. */
export function assignProfiles(
  model: MemoryModel,
  count: number,
  mapping: ProfileMapping,
  seed: number,
): FunctionProfile[] {
  const next = seededUniform(seed);
  const { profiles } = model;
  return Array.from({ length: count }, (_, index) => {
    const draw =
      mapping === 'rank' ? index % profiles.length : Math.floor(next() * profiles.length);
    const profile = profiles[draw];
    assert(profile, 'a memory model has at least one profile');
    return profile;
  });
}

/** mulberry32: 32 bits of state, uniform in [0, 1). Enough to draw from four profiles. */
function seededUniform(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let bits = Math.imul(state ^ (state >>> 15), 1 | state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}

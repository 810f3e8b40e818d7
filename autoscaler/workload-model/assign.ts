/** Which function gets which profile of the memory model. Pure: the seed is an argument. */
import { assert } from '../../base/assert.ts';
import { seededRandom } from '../../base/random.ts';
import type { FunctionProfile, MemoryModel } from './models.ts';

/**
 * `rank`: the profiles in order of the model, by rank of the function (1 = most invoked), then
 * again from the start. `random`: every function draws its profile, as in the paper; the seed
 * decides.
 */
export type ProfileMapping = 'rank' | 'random';

/** One profile for each of `count` functions, by rank. */
export function assignProfiles(
  model: MemoryModel,
  count: number,
  mapping: ProfileMapping,
  seed: number,
): FunctionProfile[] {
  const next = seededRandom(seed);
  const { profiles } = model;
  return Array.from({ length: count }, (_, index) => {
    const draw =
      mapping === 'rank' ? index % profiles.length : Math.floor(next() * profiles.length);
    const profile = profiles[draw];
    assert(profile, 'a memory model has at least one profile');
    return profile;
  });
}

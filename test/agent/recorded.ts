/** Operations on record: each follows what it is of when its guest has told its figures, or not. */
import type { Operation } from '../../agent/model/records.ts';
import { assert } from '../../base/assert.ts';
import { hostClock } from '../../base/clock.ts';
import { waitFor } from '../../base/wait.ts';

const RECORDS_MS = 120_000;

/** Those that match, once there are so many. */
export async function recorded(
  operations: () => readonly Operation[],
  count: number,
  matches: (one: Operation) => boolean = () => true,
): Promise<readonly Operation[]> {
  const look = (): readonly Operation[] | null => {
    const found = operations().filter(matches);
    return found.length >= count ? found : null;
  };
  const found = await waitFor(look, { clock: hostClock, deadline_ms: RECORDS_MS });
  const causes = operations().map(({ cause, outcome }) => `${cause} ${outcome}`);
  assert(found, `${count} of them are on record: ${causes.join(', ')}`);
  return found;
}

/** A guest that was late told nothing of this operation: unknown, which is never 0. */
export const isUnknownOr = (told: number | null, expected: number): boolean =>
  told === null || told === expected;

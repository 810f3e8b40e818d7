/** For how long a function has fewer regions in use than so many, however many start at once. */
import test from 'ava';
import fc from 'fast-check';
import {
  type Depths,
  DEPTHS_MAX,
  pays,
  returnOf,
  withLeft,
  withReached,
} from '../../../agent/model/depths.ts';
import { holds } from '../../seed.ts';

/** An eighth of an octave, by which a rest may be told longer than it was. */
const CLASS = 2 ** (1 / 8);

/** So many in use after each moment. */
interface Use {
  readonly at_ms: number;
  readonly in_use: number;
}

/** One region after the other, all at the moment. */
function learned(uses: readonly Use[]): Depths {
  let [depths, in_use]: [Depths, number] = [[], 0];
  for (const { at_ms, in_use: wanted } of uses) {
    for (; in_use < wanted; in_use += 1) depths = withReached(depths, in_use + 1, at_ms);
    for (; in_use > wanted; in_use -= 1) depths = withLeft(depths, in_use, at_ms);
  }
  return depths;
}

const BURSTS = [0, 1, 2].flatMap((burst) => [
  { at_ms: burst * 1_000, in_use: 4 },
  { at_ms: burst * 1_000 + 100, in_use: 0 },
]);

test('all of a burst are wanted again with the next burst, and none sooner', (t) => {
  const depths = learned(BURSTS);
  for (const depth of [1, 2, 3, 4]) {
    const next = returnOf(depths, depth, { now_ms: 2_100, bound_ms: 500 });
    t.like(next, { known: 2, in_time: 0, kept_ms: 500 });
    t.true(next !== null && next.after_ms >= 900 && next.after_ms <= 900 * CLASS);
  }
  t.is(returnOf(depths, 5, { now_ms: 2_100, bound_ms: 500 }), null, 'never reached');
});

test('a rest that lasts has so much less to go, and beyond the longest nothing is known', (t) => {
  const depths = learned(BURSTS);
  const later = returnOf(depths, 4, { now_ms: 2_900, bound_ms: 500 });
  t.like(later, { known: 2, in_time: 2 });
  t.true(later !== null && later.after_ms >= 100 && later.after_ms <= 900 * CLASS - 800);
  t.is(returnOf(depths, 4, { now_ms: 4_000, bound_ms: 500 }), null);
});

test('of what is in use, or was lost while it was, no rest is told', (t) => {
  const depths = learned([...BURSTS, { at_ms: 3_000, in_use: 2 }]);
  const about = { now_ms: 3_000, bound_ms: 500 };
  t.is(returnOf(depths, 2, about), null);
  t.truthy(returnOf(depths, 3, about));
  // Its VM died with both; the next starts have nothing to tell.
  t.is(withReached(depths, 1, 4_000), depths);
});

for (const [what, known, in_time, kept_ms, expected] of [
  ['all in time', 4, 4, 100, true],
  ['none in time', 4, 0, 1_000, false],
  ['half of them, at once', 4, 2, 500, true],
  ['half of them, after a while', 4, 2, 501, false],
  ['three of four, after half of it', 4, 3, 625, true],
] as const) {
  test(`a region is kept where that costs no more than it spares: ${what}`, (t) => {
    t.is(pays({ known, in_time, after_ms: 0, kept_ms }, 1_000), expected);
  });
}

test('a usage that changed is told by the latest', (t) => {
  const uses: Use[] = [];
  for (let at_ms = 0; at_ms < 100_000; at_ms += 1_000) {
    uses.push({ at_ms, in_use: 1 }, { at_ms: at_ms + 10, in_use: 0 });
  }
  for (let at_ms = 100_000; at_ms < 104_000; at_ms += 100) {
    uses.push({ at_ms, in_use: 1 }, { at_ms: at_ms + 10, in_use: 0 });
  }
  const next = returnOf(learned(uses), 1, { now_ms: 103_910, bound_ms: 500 });
  t.true(next !== null && next.known < 32 && next.in_time > 0.8 * next.known);
});

/** Every rest of a depth, by a look at all moments. */
function restsOf(uses: readonly Use[], depth: number): number[] {
  const rests: number[] = [];
  let [left_ms, before]: [number | null, number] = [null, 0];
  for (const { at_ms, in_use } of uses) {
    if (before >= depth && in_use < depth) left_ms = at_ms;
    if (before < depth && in_use >= depth && left_ms !== null) rests.push(at_ms - left_ms);
    before = in_use;
  }
  return rests;
}

test('however a function is used, each depth tells the rests that it had', async (t) => {
  const moment = fc.record({ after_ms: fc.integer({ min: 1, max: 5_000 }), in_use: fc.nat(6) });
  const property = fc.property(fc.array(moment, { maxLength: 25 }), (moments) => {
    let at_ms = 0;
    const uses = moments.map(({ after_ms, in_use }) => ({ at_ms: (at_ms += after_ms), in_use }));
    const depths = learned([...uses, { at_ms, in_use: 0 }]);
    for (let depth = 1; depth <= 6; depth += 1) {
      const rests = restsOf(uses, depth).toSorted((a, b) => a - b);
      const left_ms = depths[depth - 1]?.left_at_ms ?? at_ms;
      const told = returnOf(depths, depth, { now_ms: left_ms, bound_ms: 1_000 });
      if ((told?.known ?? 0) !== rests.length) throw new Error(`${depth}: ${told?.known} are told`);
      const middle_ms = rests[Math.ceil(rests.length / 2) - 1];
      if (!told || middle_ms === undefined) continue;
      const { after_ms } = told;
      if (after_ms < middle_ms * (1 - 1e-9) || after_ms > middle_ms * CLASS * (1 + 1e-9)) {
        throw new Error(`${depth}: ${middle_ms} is told as ${after_ms}`);
      }
    }
  });
  await holds(t, property, { runs: 300 });
});

test('nothing is kept of more depths than there is room for', (t) => {
  const deep = withLeft([], DEPTHS_MAX + 1, 5);
  t.deepEqual(deep, []);
  t.is(withLeft([], DEPTHS_MAX, 5).length, DEPTHS_MAX);
});

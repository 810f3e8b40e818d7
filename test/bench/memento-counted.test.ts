/**
 * Goal: what was stored in a page tells how often it was cleared, and whether anybody had used it
 * between.
 * Method: looks at pages made up here, by hand.
 */
import test from 'ava';
import { countedChecks } from '../../bench/memento/counted/checks.ts';
import { countLife, PAGE_BYTES, TOUCH_BYTES } from '../../bench/memento/counted/pages.ts';
import type { CountedLife } from '../../bench/memento/counted/records.ts';

const CLEARED = PAGE_BYTES;

/** Bytes stored in each page, window by window. */
const lifeOf = (...pages: readonly (readonly number[])[]) => {
  const looks = [0, 1, 2, 3, 4].map((until) =>
    Float64Array.from(pages, (page) => page.slice(0, until).reduce((sum, one) => sum + one, 0)),
  );
  return countLife(looks);
};

test('a page is cleared ahead or on the path, which its call’s own stores do not hide', (t) => {
  const life = lifeOf(
    [CLEARED, 0, TOUCH_BYTES, 0],
    [0, 0, CLEARED + TOUCH_BYTES, 0],
    [CLEARED, 0, 0, 0],
    [8, 0, TOUCH_BYTES, 0],
    [0, 0, 0, 0],
  );
  t.is(life.windows.ahead.cleared_pages, 2);
  t.is(life.windows.call.cleared_pages, 1);
  t.is(life.windows.ahead.stored_bytes, 2 * CLEARED + 8);
  t.like(life, { touched_pages: 3, twice_pages: 0, own_pages: 0, own_bytes: 0 });
});

for (const [what, page] of [
  ['ahead', [2 * CLEARED, 0, 0, 0]],
  ['ahead and on the path', [CLEARED, 0, CLEARED + TOUCH_BYTES, 0]],
  ['on the path', [0, 0, 2 * CLEARED + TOUCH_BYTES, 0]],
  ['in an arena that was prepared', [CLEARED, CLEARED, TOUCH_BYTES, 0]],
  ['after its end', [0, 0, CLEARED + TOUCH_BYTES, 2 * CLEARED]],
] as const) {
  test(`a page that is cleared twice is seen: ${what}`, (t) => {
    t.is(lifeOf(page).twice_pages, 1);
  });
}

test('what somebody used is cleared again by right, and is no page cleared twice', (t) => {
  const life = lifeOf([CLEARED, 1_001, CLEARED + TOUCH_BYTES, 0], [0, CLEARED + 700, 40, 0]);
  t.like(life, { twice_pages: 0, touched_pages: 1, own_pages: 2 });
  t.is(life.own_bytes, 1_001 + CLEARED + 700 + 40);
});

test('a stack that comes to whole pages by what is stored on it is no clearing', (t) => {
  const life = lifeOf([CLEARED, 500, 8 * CLEARED, 0]);
  t.like(life, { twice_pages: 0, own_pages: 1, own_bytes: 500 + 8 * CLEARED });
  t.is(life.windows.call.cleared_pages, 0);
});

const BYTES = 2 * PAGE_BYTES;
const life = (arm: string, ...pages: readonly (readonly number[])[]): CountedLife => ({
  arm,
  round: 1,
  minor_faults: 2,
  kernel: null,
  ...lifeOf(...pages),
});
const OFF = life('off', [0, 0, CLEARED + 32, 0], [0, 0, CLEARED + 32, 0]);
const READY = life('prepare', [CLEARED, 0, 32, 0], [CLEARED, 0, 32, 0], [CLEARED, 0, 0, 0]);

const verdicts = (...lives: readonly CountedLife[]) =>
  Object.fromEntries(countedChecks(lives, BYTES).map(({ name, verdict }) => [name, verdict]));

test('nothing twice, nothing on the path but without any part, and it is seen there', (t) => {
  t.deepEqual(verdicts(OFF, READY), {
    stored_twice: 'met',
    stored_off: 'met',
    stored_prepare: 'met',
    stored_own: 'not measured',
  });
  const again = life('prepare', [CLEARED, 0, CLEARED + 32, 0], [CLEARED, 0, 32, 0]);
  t.like(verdicts(OFF, again), { stored_twice: 'missed', stored_prepare: 'missed' });
});

test('pages of the program’s own that were prepared are not cleared again, either', (t) => {
  const own = (bytes: number) => [[CLEARED, bytes, 32, 0] as const, [CLEARED, 0, 32, 0] as const];
  const zero = life('fresh_zero', [0, 900, 32, 0], [0, 0, 32, 0]);
  t.like(verdicts(OFF, zero, life('prepare', ...own(1_000))), { stored_own: 'met' });
  const again = life('prepare', ...own(1_000 + CLEARED));
  t.like(verdicts(OFF, zero, again), { stored_own: 'missed', stored_twice: 'met' });
  t.like(verdicts(OFF, again), { stored_own: 'not measured' });
});

test('what is blind to clearings, or cannot tell the pages of a call, says nothing', (t) => {
  const blind = life('off', [0, 0, 32, 0], [0, 0, 32, 0]);
  t.like(verdicts(blind, READY), { stored_off: 'missed' });
  const other = life('prepare', [CLEARED, 0, 16, 0], [CLEARED, 0, 16, 0]);
  const none = { stored_twice: 'not measured', stored_prepare: 'not measured' };
  t.like(verdicts(OFF, other), none);
  t.like(verdicts(), { stored_twice: 'not measured' });
});

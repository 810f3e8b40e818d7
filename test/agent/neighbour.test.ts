/** How delays of a neighbour are judged, and that what is kept aside fails beside nothing. */
import test from 'ava';
import { judgeDelays } from './neighbour.ts';
import { pending } from './pending.ts';

const calls = (each_ms: number, ...late_ms: readonly number[]): readonly number[] => [
  ...Array.from({ length: 100 - late_ms.length }, () => each_ms),
  ...late_ms,
];
const brokenBy = (quiet_ms: readonly number[], beside_ms: readonly number[]): number =>
  judgeDelays({ quiet_ms, beside_ms }).broken.length;

test('a late moment is allowed, and not a neighbour that is slow', (t) => {
  const quiet = calls(10);
  t.is(brokenBy(quiet, calls(20, 145, 160, 900)), 0, 'an emulator is late now and then');
  t.is(brokenBy(quiet, calls(20, 300, 300)), 1, 'two calls of a hundred are much later');
  t.is(brokenBy(quiet, calls(90)), 1, 'all are slower than a shared CPU tells');
  t.is(brokenBy(quiet, calls(400)), 2);
  t.is(brokenBy([], calls(10)), 2, 'against nothing nothing holds');
  t.is(brokenBy(quiet, []), 2);
});

test('a machine that is busy for one of the two quiet times is not a neighbour', (t) => {
  const quiet = [...calls(10), ...calls(40)];
  t.is(brokenBy(quiet, calls(45, 380)), 0);
});

test('the end of what is kept aside is heard by who waits for it', async (t) => {
  t.is(await pending(Promise.resolve(7)), 7);
  await t.throwsAsync(pending(Promise.reject(new Error('hang up'))), { message: 'hang up' });
});

/** Residency for many at once: one reading a turn, never one made before somebody asked. */
import test from 'ava';
import { SharedResidency } from '../../../hypervisor-client/host/shared-residency.ts';

test('all who ask in one turn share one reading, of what they asked for', async (t) => {
  const readings: (readonly number[])[] = [];
  const shared = new SharedResidency((indices) => {
    readings.push(indices);
    return indices.map((index) => index * 100);
  });
  const asked = [3, 1, 3, 0];
  t.deepEqual(await Promise.all(asked.map((index) => shared.of(index))), [300, 100, 300, 0]);
  t.deepEqual(readings, [[3, 1, 0]]);
  t.is(await shared.of(2), 200);
  t.deepEqual(readings, [[3, 1, 0], [2]], 'a later turn reads anew');
});

test('a reading is never older than the question', async (t) => {
  let bytes = 1;
  const shared = new SharedResidency((indices) => indices.map(() => bytes));
  const first = shared.of(0);
  bytes = 2;
  t.is(await first, 2);
  bytes = 3;
  t.is(await shared.of(0), 3);
});

test('a reading that fails fails for all who asked, and for nobody after', async (t) => {
  let fails = true;
  const shared = new SharedResidency((indices) => {
    if (fails) throw new Error('gone');
    return indices.map(() => 7);
  });
  const ends = await Promise.allSettled([shared.of(0), shared.of(1)]);
  t.deepEqual(
    ends.map(({ status }) => status),
    ['rejected', 'rejected'],
  );
  fails = false;
  t.is(await shared.of(1), 7);
});

/** The clock of tests: what a real disk takes is no time of it. */
import { pbkdf2 } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import test from 'ava';
import { FakeClock } from './clock.ts';

test('no time passes while a real disk is asked, however late it answers', async (t) => {
  const clock = new FakeClock();
  const begin_ms = clock.nowMs();
  let is_over = false;
  clock.timer(10_000, () => {
    is_over = true;
  });
  // As many as there are threads for the disk, so that it is asked after all of them.
  const busy = Array.from({ length: 8 }, () =>
    promisify(pbkdf2)('word', 'salt', 100_000, 64, 'sha512'),
  );
  await clock.until(stat('/'));
  t.deepEqual([clock.nowMs() - begin_ms, is_over], [0, false]);
  const asked = stat('/');
  await clock.advance(10_000);
  t.true(is_over);
  await Promise.all([asked, ...busy]);
});

/** Promises that settle in time, late, and a timer that is called off. */
import test from 'ava';
import { hostClock } from '../../base/clock.ts';
import { withDeadline } from '../../base/deadline.ts';
import { FakeClock } from '../fakes/clock.ts';

const late = (): Error => new Error('late');

test('what settles in time is passed on as it is', async (t) => {
  const clock = new FakeClock();
  t.is(await withDeadline(clock, 100, Promise.resolve('value'), late), 'value');
  const broken = withDeadline(clock, 100, Promise.reject(new Error('broken')), late);
  await t.throwsAsync(broken, { message: 'broken' });
});

test('what is not there in time is a rejection, and its own end changes nothing', async (t) => {
  const clock = new FakeClock();
  const { promise, reject } = Promise.withResolvers<never>();
  const bounded = withDeadline(clock, 100, promise, late);
  const outcome = bounded.catch((error: Error) => error.message);
  await clock.advance(99);
  const open = Symbol('open');
  t.is(await Promise.race([outcome, Promise.resolve(open)]), open);
  await clock.advance(1);
  t.is(await outcome, 'late');
  reject(new Error('too late to matter'));
  t.is(await outcome, 'late');
});

test('a timer of the host fires once, at its time or after, and not when called off', async (t) => {
  const begin_ms = hostClock.nowMs();
  const fired = await new Promise<number>((resolve) => {
    const callOff = hostClock.timer(5, () => t.fail('it was called off'));
    hostClock.timer(20, () => resolve(hostClock.nowMs()));
    callOff();
  });
  t.true(fired - begin_ms >= 19);
});

for (const ms of [2 ** 31, Number.POSITIVE_INFINITY]) {
  test(`a timer of ${ms} ms does not fire at once`, async (t) => {
    let fired = false;
    const callOff = hostClock.timer(ms, () => {
      fired = true;
    });
    await hostClock.sleep(60);
    callOff();
    t.false(fired);
  });
}

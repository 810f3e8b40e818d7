/** The end of a call before its answer: by its deadline, by its caller, and neither. */
import { getEventListeners } from 'node:events';
import test from 'ava';
import { hostClock } from '../../../base/clock.ts';
import { waitFor } from '../../../base/wait.ts';
import { CallDeadline } from '../../../hypervisor-client/rest/call-deadline.ts';

const aborted = (signal: AbortSignal): Promise<true | null> =>
  waitFor(() => (signal.aborted ? true : null), { clock: hostClock, deadline_ms: 2_000 });

test('at the deadline both signals abort, with one reason that says so', async (t) => {
  for (const caller of [undefined, new AbortController().signal]) {
    const deadline = new CallDeadline(5, caller);
    t.true(await aborted(deadline.signal));
    t.is(deadline.signal.reason, deadline.timeout.reason);
    t.like(deadline.timeout.reason, { name: 'TimeoutError' });
    deadline.end();
  }
});

test('the caller ends the call with its own reason; that is no timeout', (t) => {
  const caller = new AbortController();
  const deadline = new CallDeadline(60_000, caller.signal);
  caller.abort('enough');
  t.is(deadline.signal.reason, 'enough');
  t.false(deadline.timeout.aborted);
  deadline.end();
});

test('a caller that gave up before is known at once', (t) => {
  const deadline = new CallDeadline(60_000, AbortSignal.abort('before'));
  t.is(deadline.signal.reason, 'before');
  deadline.end();
});

test('a call that ended leaves no timer and nothing at the signal of its caller', async (t) => {
  const { signal } = new AbortController();
  const deadline = new CallDeadline(5, signal);
  deadline.end();
  t.is(getEventListeners(signal, 'abort').length, 0);
  await hostClock.sleep(30);
  t.false(deadline.signal.aborted);
});

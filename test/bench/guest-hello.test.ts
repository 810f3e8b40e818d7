import test from 'ava';
import { LIMITS } from '../../base/limits.ts';
import { awaitHello } from '../../bench/guest-hello.ts';
import type { Hello } from '../../guest/protocol/protocol.ts';
import { FakeClock } from '../fakes/clock.ts';

const HELLO: Hello = {
  type: 'hello',
  protocol: [1, 1],
  kernel: '6.12',
  init: 'test',
  vcpus: 1,
  page_bytes: 4096,
  memory_block_bytes: 134_217_728,
  boot_ms: 1,
  init_on_alloc: false,
  hotmem: true,
};

/** A channel, and what is done to it. */
function channel() {
  const { promise, resolve, reject } = Promise.withResolvers<Hello>();
  const done: string[] = [];
  const close = (): void => {
    done.push('close');
    reject(new Error('closed'));
  };
  return { hello: promise, close, greet: () => resolve(HELLO), done };
}

test('a hello in time leaves the channel open and no timer behind', async (t) => {
  const clock = new FakeClock();
  const { greet, done, ...guest } = channel();
  const hello = awaitHello(guest, clock, { onLate: () => done.push('late') });
  greet();
  t.is(await hello, HELLO);
  await clock.advance(2 * LIMITS.guest_hello_ms);
  t.deepEqual(done, []);
});

test('a guest that says nothing in time is told as late before its channel is closed', async (t) => {
  const clock = new FakeClock();
  const { done, ...guest } = channel();
  const hello = awaitHello(guest, clock, { onLate: () => done.push('late') });
  await Promise.all([
    t.throwsAsync(hello, { message: 'closed' }),
    clock.advance(LIMITS.guest_hello_ms),
  ]);
  t.deepEqual(done, ['late', 'close']);
});

test('an abort closes the channel and is not late', async (t) => {
  const abort = new AbortController();
  const { done, ...guest } = channel();
  const onLate = (): void => void done.push('late');
  const hello = awaitHello(guest, new FakeClock(), { signal: abort.signal, onLate });
  abort.abort();
  await t.throwsAsync(hello, { message: 'closed' });
  t.deepEqual(done, ['close']);
});

/** Events for many readers: bounded for each, and nobody holds another one up. */
import test from 'ava';
import { Broadcast } from '../../base/broadcast.ts';

const dropping = (limit: number): Broadcast<number> =>
  new Broadcast({ limit, overflow: 'drop-oldest' });
const ending = (limit: number): Broadcast<number> =>
  new Broadcast({ limit, overflow: { endWith: () => new Error('too slow') } });

test('a reader gets events from its call on, in order, until the end', async (t) => {
  const hub = dropping(10);
  hub.emit(0);
  const reader = hub.read();
  hub.emit(1);
  const all = Array.fromAsync(reader);
  hub.emit(2);
  hub.end();
  t.deepEqual(await all, [1, 2]);
  t.deepEqual(await Array.fromAsync(hub.read()), [], 'after the end there is nothing to read');
});

test('a reader that does not read loses the oldest events and holds nobody up', async (t) => {
  const hub = dropping(3);
  const [slow, quick] = [hub.read(), hub.read()];
  const first = quick.next();
  for (const event of [1, 2, 3, 4, 5]) hub.emit(event);
  hub.end();
  t.is(slow.dropped, 2);
  t.deepEqual(await Array.fromAsync(slow), [3, 4, 5]);
  t.is((await first).value, 3);
});

test('a reader that must miss nothing ends with an error when it falls behind', async (t) => {
  const hub = ending(3);
  const [slow, quick] = [hub.read(), hub.read()];
  const seen: number[] = [];
  for (const event of [1, 2, 3, 4, 5]) {
    hub.emit(event);
    const { value } = await quick.next();
    if (value !== undefined) seen.push(value);
  }
  t.deepEqual(seen, [1, 2, 3, 4, 5]);
  await t.throwsAsync(async () => await Array.fromAsync(slow), { message: 'too slow' });
  t.is(hub.readers, 1, 'only the slow one is gone');
});

test('a reader may end with an error of its own, after what is queued', async (t) => {
  const hub = dropping(3);
  const reader = hub.read();
  hub.emit(1);
  reader.end(new Error('gone'));
  hub.emit(2);
  t.is((await reader.next()).value, 1);
  await t.throwsAsync(reader.next(), { message: 'gone' });
});

test('an abort ends a reader that waits, that has events, or that is yet to come', async (t) => {
  const hub = dropping(3);
  const controller = new AbortController();
  const queued = hub.read(controller.signal);
  hub.emit(1);
  const waits = Array.fromAsync(hub.read(controller.signal));
  controller.abort();
  t.deepEqual(await waits, []);
  t.deepEqual(await Array.fromAsync(queued), []);
  t.deepEqual(await Array.fromAsync(hub.read(controller.signal)), []);
  t.is(hub.readers, 0);
});

test('a loop that is left leaves no reader behind, nor does one that never began', async (t) => {
  const hub = dropping(3);
  const reader = hub.read();
  hub.emit(1);
  for await (const event of reader) {
    t.is(event, 1);
    break;
  }
  await hub.read().return();
  t.is(hub.readers, 0);
});

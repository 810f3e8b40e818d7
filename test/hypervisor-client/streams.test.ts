/** Lines and events: bounded, and the same however they are cut. */
import test from 'ava';
import fc from 'fast-check';
import { hasCode } from '../../hypervisor-client/errors.ts';
import { EventHub } from '../../hypervisor-client/event-hub.ts';
import { LineSplitter } from '../../hypervisor-client/lines.ts';
import { holds } from '../seed.ts';

test('lines are the same however the stream is cut', async (t) => {
  const line = fc.string({ unit: fc.constantFrom('a', '"', 'é', '{', '\u{1f600}'), minLength: 1 });
  const property = fc.property(
    fc.array(line, { maxLength: 20 }),
    fc.array(fc.nat({ max: 60 }), { maxLength: 20 }),
    (lines, cuts) => {
      const stream = Buffer.from(lines.map((text) => `${text}\r\n`).join(''));
      const splitter = new LineSplitter(10_000);
      const found: string[] = [];
      let at = 0;
      for (const length of [...cuts, stream.length]) {
        found.push(...splitter.push(stream.subarray(at, at + length)));
        at += length;
      }
      t.deepEqual(found, lines);
    },
  );
  await holds(t, property, { runs: 1_000 });
});

test('a line above the limit is an error, in one piece or in many', (t) => {
  const splitter = new LineSplitter(10);
  t.deepEqual(splitter.push(Buffer.from('12345\n1234567890\n12345')), ['12345', '1234567890']);
  t.true(
    hasCode(
      t.throws(() => splitter.push(Buffer.from('678901'))),
      'HP_QMP_PROTOCOL',
    ),
  );
  t.throws(() => new LineSplitter(10).push(Buffer.from('12345678901\n')));
});

test('a reader gets events from its call on, in order, until the end', async (t) => {
  const hub = new EventHub<number>();
  hub.emit(0);
  const reader = hub.read();
  hub.emit(1);
  const all = Array.fromAsync(reader);
  hub.emit(2);
  hub.end();
  t.deepEqual(await all, [1, 2]);
});

test('a reader that does not read loses the oldest events and holds nobody up', async (t) => {
  const hub = new EventHub<number>(3);
  const [slow, quick] = [hub.read(), hub.read()];
  const first = quick.next();
  for (const event of [1, 2, 3, 4, 5]) hub.emit(event);
  hub.end();
  t.deepEqual(await Array.fromAsync(slow), [3, 4, 5]);
  t.is((await first).value, 3);
});

test('an abort ends a reader that waits', async (t) => {
  const hub = new EventHub<number>();
  const controller = new AbortController();
  const all = Array.fromAsync(hub.read(controller.signal));
  controller.abort();
  t.deepEqual(await all, []);
});

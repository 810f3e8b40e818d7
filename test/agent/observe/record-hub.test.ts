/** Watchers get what they asked for, all of it, or are told that they were too slow. */
import test from 'ava';
import { AGENT_LIMITS } from '../../../agent/limits.ts';
import type { RecordKind } from '../../../agent/model/records.ts';
import { RecordHub } from '../../../agent/observe/record-hub.ts';
import { HotplaneError } from '../../../base/errors.ts';
import { EMPTY_OPERATION } from '../../autoscaler/empty-messages.ts';

const all = { memory_interval_ms: null, records: [] };
const only = (...records: RecordKind[]) => ({ ...all, records });

test('a watcher gets the kinds it asked for, in order, until the hub closes', async (t) => {
  const hub = new RecordHub();
  const [operations, decisions] = [
    hub.subscribe(only('operation')),
    hub.subscribe(only('decision')),
  ];
  t.true(hub.isWatched('operation'));
  t.false(hub.isWatched('memory'));
  for (const id of ['op1', 'op2']) {
    hub.publish('operation', { ...EMPTY_OPERATION, id });
  }
  hub.close();
  const seen = await Array.fromAsync(operations, ({ operation }) => operation?.id);
  t.deepEqual(seen, ['op1', 'op2']);
  t.deepEqual(await Array.fromAsync(decisions), []);
  t.false(hub.isWatched('operation'));
});

test('a watcher that falls behind is dropped with a reason, and the others are not', async (t) => {
  const hub = new RecordHub();
  const slow = hub.subscribe(all);
  for (let count = 0; count <= AGENT_LIMITS.watch_buffer_records; count += 1) {
    hub.publish('operation', EMPTY_OPERATION);
  }
  const error = await t.throwsAsync(Array.fromAsync(slow), { instanceOf: HotplaneError });
  t.is(error?.code, 'HP_AGENT_SLOW_READER');
  t.false(hub.isWatched('operation'), 'nobody is left');
  const next = hub.subscribe(all);
  hub.publish('operation', EMPTY_OPERATION);
  next.close();
  t.is((await Array.fromAsync(next)).length, 1);
});

test('so many may watch, and one that leaves makes room', (t) => {
  const hub = new RecordHub();
  const watchers = Array.from({ length: AGENT_LIMITS.watchers }, () => hub.subscribe(all));
  t.throws(() => hub.subscribe(all), { message: /watchers/ });
  watchers[0]?.close();
  t.notThrows(() => hub.subscribe(all));
});

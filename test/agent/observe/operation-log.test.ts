/** Operations that ended, by number: who was cut off misses nothing that is kept. */
import test from 'ava';
import { AGENT_LIMITS } from '../../../agent/limits.ts';
import type { OperationEntry } from '../../../agent/model/list-messages.ts';
import { OperationLog, type OperationsWanted } from '../../../agent/observe/operation-log.ts';
import { operationOf } from './operations.ts';

const ALL: OperationsWanted = { after: null, wants: () => true, follow: null };

async function read(log: OperationLog, wanted: Partial<OperationsWanted> = {}) {
  const entries: OperationEntry[] = [];
  for await (const entry of log.read({ ...ALL, ...wanted })) entries.push(entry);
  return entries;
}

const told = (entries: readonly OperationEntry[]) =>
  entries.map(({ sequence, missed, operation }) => [sequence, missed, operation.id]);

test('numbers grow, and who names the last one he knows is told what came after it', async (t) => {
  const log = new OperationLog(0);
  for (const id of ['a', 'b', 'c']) log.add(operationOf(id));
  t.deepEqual(told(await read(log)), [
    [1, 0, 'a'],
    [2, 0, 'b'],
    [3, 0, 'c'],
  ]);
  t.deepEqual(told(await read(log, { after: 2 })), [[3, 0, 'c']]);
  t.deepEqual(await read(log, { after: 3 }), []);
  t.deepEqual(told(await read(log, { wants: ({ id }) => id === 'b' })), [[2, 0, 'b']]);
});

test('the numbers of the next agent are above all of this one, and what it cannot know it says', async (t) => {
  const one = new OperationLog(1);
  one.add(operationOf('a'));
  const [last] = await read(one);
  const next = new OperationLog(2);
  next.add(operationOf('b'));
  const [entry] = await read(next, { after: last?.sequence ?? 0 });
  t.true((entry?.sequence ?? 0) > (last?.sequence ?? Infinity));
  t.is(entry?.missed, null);
});

test('what is no longer kept is counted', async (t) => {
  const log = new OperationLog(0);
  const count = 3 * AGENT_LIMITS.operations_kept;
  for (let index = 0; index < count; index += 1) log.add(operationOf(String(index)));
  const entries = await read(log, { after: 10 });
  t.is(entries.length, AGENT_LIMITS.operations_kept);
  t.is(entries[0]?.missed, count - AGENT_LIMITS.operations_kept - 10);
  t.is(entries[1]?.missed, 0);
  t.is(entries.at(-1)?.sequence, count);
});

test('a follower is told what ends meanwhile, and ends with the log or his own wish', async (t) => {
  const log = new OperationLog(0);
  log.add(operationOf('a'));
  const gone = new AbortController();
  const following = read(log, { follow: gone.signal });
  const other = read(log, { after: 1, follow: new AbortController().signal });
  log.add(operationOf('b'));
  await new Promise((resolve) => setImmediate(resolve));
  gone.abort();
  log.add(operationOf('c'));
  log.close();
  t.deepEqual(
    (await following).map(({ operation }) => operation.id),
    ['a', 'b'],
  );
  t.deepEqual(
    (await other).map(({ operation }) => operation.id),
    ['b', 'c'],
  );
});

test('a number that no operation has yet, and one follower too many, are refused', async (t) => {
  const log = new OperationLog(0);
  t.throws(() => log.read({ ...ALL, after: 7 }), { code: 'HP_AGENT_BAD_REQUEST', message: /is 0/ });
  const end = new AbortController();
  for (let count = 0; count < AGENT_LIMITS.watchers; count += 1) {
    log.read({ ...ALL, follow: end.signal });
  }
  t.throws(() => log.read({ ...ALL, follow: end.signal }), { code: 'HP_AGENT_TOO_MANY_WATCHERS' });
  end.abort();
  t.notThrows(() => log.read({ ...ALL, follow: new AbortController().signal }));
});

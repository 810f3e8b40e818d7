/** What was written last stands in the journal: taken in once, whole, or told as damaged. */
import test, { type ExecutionContext } from 'ava';
import { closeSync, openSync } from 'node:fs';
import { appendFile, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { isHotplaneError } from '../../../base/errors.ts';
import { Journal, JOURNAL_BYTES, JOURNAL_BYTES_MAX } from '../../../agent/store/journal.ts';
import { stateError } from '../../../agent/store/state-errors.ts';
import { StateFile } from '../../../agent/store/state-file.ts';

interface Place {
  readonly db: string;
  readonly journal: string;
}

async function placeFor(t: ExecutionContext): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), 'hp-journal-'));
  t.teardown(async () => await rm(folder, { recursive: true, force: true }));
  return { db: join(folder, 'state.db'), journal: join(folder, 'state.journal') };
}

const put = (key: string, row = '{}') => [{ table: 'vms', key, row }] as const;
const drop = (key: string) => [{ table: 'vms', key, row: null }] as const;
const answer = (at_ms: number) => [{ at_ms, kind: 'answer', entry: { at_ms } }];

/** Three writes of which the file took in none. */
async function written({ db }: Place): Promise<void> {
  const file = await StateFile.open(db);
  for (const at of [1, 2, 3]) file.write(put(`vm${at}`), answer(at));
  file.close();
}

async function keysIn({ db }: Place): Promise<string[]> {
  const file = await StateFile.open(db);
  const keys = [...file.rows.vms.keys()];
  file.close();
  return keys;
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  const error: unknown = await work.then(
    () => null,
    (reason: unknown) => reason,
  );
  return isHotplaneError(error) ? error.code : String(error);
}

test('a torn last line is as if it had never been begun', async (t) => {
  const place = await placeFor(t);
  await written(place);
  const whole = await readFile(place.journal);
  for (const cut of [1, 20, 50]) {
    await rm(place.db);
    await writeFile(place.journal, whole);
    await truncate(place.journal, whole.length - cut);
    t.deepEqual(await keysIn(place), ['vm1', 'vm2'], `${cut} bytes are missing`);
  }
});

test('what is written after a torn line stands on a line of its own', async (t) => {
  const { journal: path } = await placeFor(t);
  await writeFile(path, 'torn');
  const log = [{ at_ms: 1, kind: 'answer', entry: '{"at_ms":1}' }];
  const line = { sequence: 1, changes: put('vm1'), log };
  const { journal } = Journal.open(path);
  journal.append(line);
  journal.close();
  const again = Journal.open(path);
  again.journal.close();
  t.deepEqual(again.lines, [line]);
});

test('a damaged line before the last is told, and left as it is', async (t) => {
  const place = await placeFor(t);
  await written(place);
  const bytes = await readFile(place.journal);
  bytes.write('x', bytes.indexOf('vm1'));
  await writeFile(place.journal, bytes);
  t.is(await codeOf(StateFile.open(place.db)), 'HP_AGENT_STATE_CORRUPT');
  t.deepEqual(await readFile(place.journal), bytes);
});

test('a line that is missing is told', async (t) => {
  const place = await placeFor(t);
  await written(place);
  const text = await readFile(place.journal, 'utf8');
  await writeFile(place.journal, text.split('\n').toSpliced(1, 1).join('\n'));
  t.is(await codeOf(StateFile.open(place.db)), 'HP_AGENT_STATE_CORRUPT');
});

test('a journal that was not emptied in time is not taken in twice', async (t) => {
  const place = await placeFor(t);
  await written(place);
  const before = await readFile(place.journal);
  (await StateFile.open(place.db)).close();
  t.is((await readFile(place.journal)).length, 0);
  await writeFile(place.journal, before);
  const file = await StateFile.open(place.db);
  t.teardown(() => file.close());
  t.deepEqual(file.log(10), [...answer(1), ...answer(2), ...answer(3)]);
  file.write(put('vm4'), []);
  t.is(file.count('vms'), 4);
});

test('the file takes everything in when it is tidied, or the journal has grown twice as large', async (t) => {
  const place = await placeFor(t);
  const file = await StateFile.open(place.db);
  const row = JSON.stringify({ text: 'x'.repeat(10_000) });
  for (let count = 0; count < 200; count += 1) {
    file.write(put('vm1', row), answer(count));
    t.true((await readFile(place.journal)).length < JOURNAL_BYTES_MAX);
  }
  const lengthNow = async (): Promise<number> => (await readFile(place.journal)).length;
  file.log(1);
  while ((await lengthNow()) < JOURNAL_BYTES) file.write(put('vm1', row), []);
  file.tidy();
  t.is(await lengthNow(), 0);
  file.write(put('vm1', row), []);
  file.tidy();
  t.true((await lengthNow()) > 0, 'what is not full is left for later');

  t.is(file.log(1_000).length, 200);
  while ((await lengthNow()) < JOURNAL_BYTES) file.write(put('vm1', row), []);
  file.close();
  t.notThrows(() => file.tidy(), 'the end may come between a write and its turn');
});

test('what goes and comes again is the newest, however much was written at once', async (t) => {
  const place = await placeFor(t);
  const file = await StateFile.open(place.db);
  file.write([...put('a'), ...put('b'), ...put('c')], []);
  t.is(file.count('vms'), 3);
  file.write(drop('a'), []);
  file.write(drop('b'), []);
  file.write(put('b', '1'), []);
  file.write(put('a', '1'), []);
  file.write(put('d'), []);
  file.write(drop('d'), []);
  file.close();
  t.deepEqual(await keysIn(place), ['c', 'b', 'a']);
});

test('what came and went leaves no row, and the journal goes on behind it', async (t) => {
  const place = await placeFor(t);
  const file = await StateFile.open(place.db);
  file.write(put('a'), []);
  file.write(drop('a'), []);
  t.is(file.count('vms'), 0);
  file.write([...put('a'), ...put('b')], []);
  file.close();
  const next = await StateFile.open(place.db);
  t.deepEqual([...next.rows.vms.keys()], ['a', 'b']);
  next.write(drop('a'), []);
  next.write(put('a', '1'), []);
  next.write(drop('a'), []);
  next.close();
  t.deepEqual(await keysIn(place), ['b']);
});

test('a state without a journal of its own, from before there was one, is read', async (t) => {
  const place = await placeFor(t);
  (await StateFile.open(place.db)).close();
  const db = new DatabaseSync(place.db);
  db.exec(`DROP TABLE journal; DROP TABLE marks; DROP TABLE answers; PRAGMA user_version = 1;
    INSERT INTO vms (key, row) VALUES ('vm7', '{"id":"vm7"}')`);
  db.close();
  await rm(place.journal);
  t.deepEqual(await keysIn(place), ['vm7']);
  await appendFile(place.journal, '');
  t.deepEqual(await keysIn(place), ['vm7']);
});

test('a state of format 2 is read, with what its journal has', async (t) => {
  const place = await placeFor(t);
  const file = await StateFile.open(place.db);
  file.write(put('vm7'), []);
  file.close();
  const db = new DatabaseSync(place.db);
  db.exec('PRAGMA user_version = 2');
  db.close();
  t.deepEqual(await keysIn(place), ['vm7']);
  t.deepEqual(await keysIn(place), ['vm7'], 'once and for all');
});

test('what format 2 had of the sizes of a region in its row stands apart once it is opened', async (t) => {
  const place = await placeFor(t);
  const earlier = await StateFile.open(place.db);
  const row = '{"span":{"changes":[{"at_ms":1}]}}';
  earlier.write([{ table: 'regions', key: 'vm1/0', row }], []);
  earlier.close();
  const first = await StateFile.open(place.db);
  t.false(first.rows.marks.has('regions/vm1/0'));
  first.close();
  const second = await StateFile.open(place.db);
  t.is(second.rows.marks.get('regions/vm1/0'), '[{"at_ms":1}]');
  second.close();
});

test('a disk without room for the journal is told as such', (t) => {
  const fd = openSync('/dev/full', 'a');
  t.teardown(() => closeSync(fd));
  const journal = new Journal(fd, 0);
  const error = t.throws(() => journal.append({ sequence: 1, changes: [], log: [] }));
  const told = stateError('state.db', error, 'HP_AGENT_STATE_LOST');
  t.is(isHotplaneError(told) ? told.code : '', 'HP_AGENT_STATE_FULL');
});

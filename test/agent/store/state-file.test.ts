/** The file with the agent's state: what was written is there, and what cannot be is told. */
import test, { type ExecutionContext } from 'ava';
import { execFileSync } from 'node:child_process';
import { chmod, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { isHotplaneError } from '../../../base/errors.ts';
import { LOG_LIMITS, StateFile } from '../../../agent/store/state-file.ts';

async function placeFor(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'hp-state-'));
  t.teardown(async () => await rm(folder, { recursive: true, force: true }));
  return join(folder, 'state.db');
}

const ROW = { table: 'vms', key: 'vm1', row: '{"id":"vm1"}' } as const;

async function codeOf(work: Promise<unknown>): Promise<string> {
  const error: unknown = await work.then(
    () => null,
    (reason: unknown) => reason,
  );
  return isHotplaneError(error) ? error.code : String(error);
}

test('nobody else may read it, or what is beside it, whoever may pass its folder', async (t) => {
  const path = await placeFor(t);
  const folder = dirname(path);
  const modes = async (): Promise<string[]> =>
    await Promise.all(
      (await readdir(folder)).map(
        async (name) => `${name} ${((await stat(join(folder, name))).mode & 0o777).toString(8)}`,
      ),
    );
  const ours = ['state.db 600', 'state.db-shm 600', 'state.db-wal 600', 'state.journal 600'];
  const first = await StateFile.open(path);
  first.write([ROW], []);
  t.deepEqual((await modes()).toSorted(), ours);
  // As an earlier version left them, which was killed.
  for (const name of ['state.db', 'state.db-wal', 'state.db-shm']) {
    await chmod(join(folder, name), 0o644);
  }
  const second = await StateFile.open(path);
  t.teardown(() => [first, second].forEach((one) => one.close()));
  t.deepEqual((await modes()).toSorted(), ours);
});

test('rows and log are there for the next agent, which is counted', async (t) => {
  const path = await placeFor(t);
  const first = await StateFile.open(path);
  first.write([ROW, { table: 'meta', key: 'next_id', row: '7' }], []);
  first.write(
    [{ table: 'vms', key: 'vm1', row: '{"id":"vm1","x":1}' }],
    [{ at_ms: 3, kind: 'answer', entry: { outcome: 'done' } }],
  );
  first.write([{ table: 'meta', key: 'next_id', row: null }], []);
  first.close();
  const second = await StateFile.open(path);
  t.teardown(() => second.close());
  t.deepEqual([...second.rows.vms], [['vm1', '{"id":"vm1","x":1}']]);
  t.is(second.rows.meta.size, 0);
  t.is(second.generation, first.generation + 1);
  t.deepEqual(second.log(10), [{ at_ms: 3, kind: 'answer', entry: { outcome: 'done' } }]);
});

test('rows come back in the order in which they were first written', async (t) => {
  const path = await placeFor(t);
  const first = await StateFile.open(path);
  const put = (key: string) => first.write([{ table: 'functions', key, row: '{}' }], []);
  for (const key of ['b', 'a', 'c', 'b']) put(key);
  first.close();
  const second = await StateFile.open(path);
  t.teardown(() => second.close());
  t.deepEqual([...second.rows.functions.keys()], ['b', 'a', 'c']);
});

test('what was written survives a kill of the writer in the middle of it', async (t) => {
  const path = await placeFor(t);
  const module_url = new URL('../../../agent/store/state-file.ts', import.meta.url).href;
  const program = `
    const { StateFile } = await import(${JSON.stringify(module_url)});
    const file = await StateFile.open(${JSON.stringify(path)});
    for (let at = 0; at < 50; at += 1) {
      file.write([{ table: 'vms', key: 'vm' + at, row: '{}' }], []);
      if (at === 40) process.kill(process.pid, 'SIGKILL');
    }`;
  t.throws(() => execFileSync(process.execPath, ['--input-type=module', '-e', program]));
  const next = await StateFile.open(path);
  t.teardown(() => next.close());
  t.is(next.rows.vms.size, 41);
});

test('the log is bounded', async (t) => {
  const file = await StateFile.open(await placeFor(t));
  t.teardown(() => file.close());
  const { entries, slack } = LOG_LIMITS;
  const many = Array.from({ length: slack }, (_, at_ms) => ({ at_ms, kind: 'x', entry: {} }));
  for (let count = 0; count < (entries + 3 * slack) / slack; count += 1) file.write([], many);
  const kept = file.log(entries * 2).length;
  t.true(kept >= entries && kept <= entries + slack, `${kept} entries`);
});

const DAMAGES: Readonly<Record<string, (path: string) => Promise<void>>> = {
  'another file': (path) => writeFile(path, 'no database at all, but long enough to be one'),
  'half of it': async (path) => await truncate(path, 6_000),
  'a page overwritten': async (path) => {
    const bytes = await readFile(path);
    await writeFile(path, bytes.fill(0xa5, 4_096, 8_192));
  },
  'a database of somebody else': async (path) => {
    await rm(path);
    const db = new DatabaseSync(path);
    db.exec('CREATE TABLE dogs (name TEXT)');
    db.close();
  },
};

for (const [name, damage] of Object.entries(DAMAGES)) {
  test(`a damaged state is told, and left as it is: ${name}`, async (t) => {
    const path = await placeFor(t);
    const file = await StateFile.open(path);
    file.write([ROW], []);
    file.close();
    await damage(path);
    const damaged = await readFile(path);
    t.is(await codeOf(StateFile.open(path)), 'HP_AGENT_STATE_CORRUPT');
    t.deepEqual(await readFile(path), damaged);
  });
}

test('a state of another version is told, and left as it is', async (t) => {
  const path = await placeFor(t);
  (await StateFile.open(path)).close();
  for (const version of [0, 99]) {
    const db = new DatabaseSync(path);
    db.exec(`PRAGMA user_version = ${version}`);
    db.close();
    t.is(await codeOf(StateFile.open(path)), 'HP_AGENT_STATE_VERSION');
  }
});

test('a state in a place that cannot be written is told at once', async (t) => {
  const path = await placeFor(t);
  t.is(
    await codeOf(StateFile.open(join(path, '..', 'nowhere', 'state.db'))),
    'HP_AGENT_STATE_READ_ONLY',
  );
  t.is(await codeOf(StateFile.open('/proc/state.db')), 'HP_AGENT_STATE_READ_ONLY');
});

test('a disk without room is told, and what was written before is whole', async (t) => {
  const path = await placeFor(t);
  const file = await StateFile.open(path);
  file.write([ROW], []);
  file.limitPages(40);
  const row = JSON.stringify({ text: 'x'.repeat(400_000) });
  const error = t.throws(() => {
    for (let at = 0; at < 10; at += 1) file.write([{ table: 'vms', key: `v${at}`, row }], []);
  });
  t.true(isHotplaneError(error));
  t.is(isHotplaneError(error) ? error.code : '', 'HP_AGENT_STATE_FULL');
  file.close();
  const next = await StateFile.open(path);
  t.teardown(() => next.close());
  t.is(next.rows.vms.get('vm1'), ROW.row);
});

/** Table: every version keeps what it held, whatever became of those after and beside it. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import test from 'ava';
import fc from 'fast-check';
import { Edits, Table } from '../../../agent/model/table.ts';
import { holds } from '../../seed.ts';

const KEYS = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l'];

/** From which version, and which rows of it change; null takes one away. */
const change = fc.record({
  from: fc.nat(30),
  rows: fc.array(fc.tuple(fc.constantFrom(...KEYS), fc.option(fc.nat(99))), { maxLength: 12 }),
});

test('any version can be read and gone on from, in any order', async (t) => {
  const property = fc.property(fc.array(change, { maxLength: 30 }), fc.nat(40), (changes, seen) => {
    const versions = [Table.empty<number>()];
    const truths = [new Map<string, number>()];
    for (const { from, rows } of changes) {
      const place = from % versions.length;
      const truth = new Map(truths[place]);
      const version = versions[place] ?? Table.empty<number>();
      const edits = new Edits(version);
      for (const [key, row] of rows) {
        edits.set(key, row);
        if (row === null) truth.delete(key);
        else truth.set(key, row);
      }
      versions.push(version.with(edits));
      truths.push(truth);
      const old = seen % versions.length;
      if (versions[old]?.size !== truths[old]?.size)
        throw new Error(`version ${old} lost its size`);
    }
    for (const [index, version] of versions.entries()) {
      const truth = truths[index] ?? new Map();
      const rows = [...version].toSorted(([a], [b]) => (a < b ? -1 : 1));
      const expected = [...truth].toSorted(([a], [b]) => (a < b ? -1 : 1));
      if (JSON.stringify(rows) !== JSON.stringify(expected)) {
        throw new Error(
          `version ${index}: ${JSON.stringify(rows)}, not ${JSON.stringify(expected)}`,
        );
      }
    }
  });
  await holds(t, property, { runs: 300 });
});

test('the newest version is in order of insertion, a changed row in its old place', (t) => {
  let table = Table.empty<number>();
  for (const [key, row] of [
    ['b', 1],
    ['a', 2],
    ['c', 3],
    ['b', 4],
  ] as const) {
    const edits = new Edits(table);
    edits.set(key, row);
    table = table.with(edits);
  }
  t.deepEqual(
    [...table],
    [
      ['b', 4],
      ['a', 2],
      ['c', 3],
    ],
  );
});

test('no change is no new version', (t) => {
  const table = Table.empty<number>();
  t.is(table.with(new Edits(table)), table);
});

/** What is collected young, without a search of the whole heap. */
function collectYoung(): void {
  setFlagsFromString('--expose-gc');
  const gc: (options: { readonly type: 'minor' }) => void = runInNewContext('gc');
  gc({ type: 'minor' });
}

test('a dead version that has grown old holds nothing that came after it', (t) => {
  const row_bytes = 16_384;
  const step = (table: Table<number[]>): Table<number[]> => {
    const edits = new Edits(table);
    edits.set(
      'a',
      Array.from({ length: row_bytes / 8 }, (_, index) => index),
    );
    return table.with(edits);
  };
  let table = step(Table.empty<number[]>());
  for (const _ of [1, 2, 3]) collectYoung();
  const before_bytes = process.memoryUsage().heapUsed;
  for (let round = 0; round < 20; round += 1) {
    for (let count = 0; count < 50; count += 1) table = step(table);
    collectYoung();
  }
  const grown_bytes = process.memoryUsage().heapUsed - before_bytes;
  t.is(table.size, 1);
  t.true(grown_bytes < (1_000 * row_bytes) / 4, `${grown_bytes} bytes grown`);
});

test('many rows that come and go leave no room behind, and the order stays', (t) => {
  let table = Table.empty<number>();
  const put = (key: string, row: number | null): void => {
    const edits = new Edits(table);
    edits.set(key, row);
    table = table.with(edits);
  };
  for (let row = 0; row < 1_000; row += 1) {
    put(`k${row}`, row);
    if (row >= 40) put(`k${row - 40}`, null);
  }
  t.deepEqual(
    [...table.values()],
    Array.from({ length: 40 }, (_, index) => 960 + index),
  );
  t.deepEqual([...table.keys()].slice(0, 2), ['k960', 'k961']);
  t.is(table.get('k999'), 999);
  t.false(table.has('k0'));
});

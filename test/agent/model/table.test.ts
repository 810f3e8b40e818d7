/** Table: every version keeps what it held, whatever became of those after and beside it. */
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
      const edits = new Edits<number>();
      for (const [key, row] of rows) {
        edits.set(key, row);
        if (row === null) truth.delete(key);
        else truth.set(key, row);
      }
      versions.push(versions[place]?.with(edits) ?? Table.empty());
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
    const edits = new Edits<number>();
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
  t.is(table.with(new Edits()), table);
});

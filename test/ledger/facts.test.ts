/** Facts of one step in one record are read as if each had been told alone. */
import { appendFileSync } from 'node:fs';
import test from 'ava';
import fc from 'fast-check';
import { FACTS_MOST } from '../../ledger/facts.ts';
import { eachRecord } from '../../ledger/reader.ts';
import { KINDS, type LedgerRecord, type RecordDraft } from '../../ledger/record.ts';
import { segmentsIn } from '../../ledger/segments.ts';
import { verify } from '../../ledger/verify.ts';
import { holds } from '../seed.ts';
import { folderOf, linesOf, openLedger, putLines, rechained, runOf } from './made.ts';
import { writeFirstFormat, writeLedger } from './made.ts';

function recordsOf(folder: string): LedgerRecord[] {
  const found: LedgerRecord[] = [];
  eachRecord(folder, (record) => found.push(record));
  return found;
}

const nthOf = (all: readonly LedgerRecord[]): unknown[] =>
  all.map(({ nth, at_ms }) => [nth, at_ms]);

function noRoom(): never {
  throw Object.assign(new Error('full'), { code: 'ENOSPC' });
}

const name = fc.constantFrom('a', 'b', '"');
const bytes = fc.constantFrom(0, 7);
/** Of few values, so that what one says another often says too, or does not say at all. */
const fields = fc.record(
  {
    trust: fc.constantFrom('agent' as const, 'vmm' as const),
    function: name,
    vm_id: name,
    region_id: name,
    instance_id: fc.option(name),
    operation_id: name,
    cause: name,
    from_bytes: bytes,
    to_bytes: bytes,
    request_id: name,
    invocation_id: name,
    host_bytes: fc.option(bytes),
  },
  { requiredKeys: ['trust', 'function', 'vm_id', 'region_id', 'cause', 'from_bytes', 'to_bytes'] },
);
const KIND_NAMES = ['permit', 'plug', 'holder', 'stop', 'emptied', 'discarded', 'policy'] as const;
const draft = fc
  .tuple(fc.constantFrom(...KIND_NAMES), fields, fc.boolean())
  .map(([kind, all, joins]): { readonly draft: RecordDraft; readonly joins: boolean } => {
    const names = new Set<string>(KINDS[kind]);
    const own = Object.entries(all).filter(([field]) => names.has(field));
    return { draft: { kind, at_ms: 1, cause_seq: [], ...Object.fromEntries(own) }, joins };
  });

test('whatever facts are said, and with which of them, each is read as it was given', async (t) => {
  let joined = 0;
  const property = fc.property(fc.array(draft, { minLength: 20, maxLength: 80 }), (given) => {
    const folder = folderOf(t);
    const writer = openLedger(folder);
    const seqs = given.map((one) => writer.add({ ...one.draft }, one.joins));
    writer.close();
    const [, ...found] = recordsOf(folder);
    t.deepEqual(
      found,
      given.map((one, at) => ({
        ...one.draft,
        seq: found[at]?.seq ?? 0,
        hash: found[at]?.hash ?? '',
      })),
    );
    t.deepEqual(
      found.map(({ seq }) => seq),
      seqs,
      'the number that was told is the number that is read',
    );
    t.is(new Set(seqs).size, seqs.length);
    t.deepEqual(
      seqs,
      seqs.toSorted((a, b) => a - b),
    );
    t.like(verify(folder, [writer.head]), { bad: null, records: linesOf(folder).length });
    joined += found.length + 1 - linesOf(folder).length;
  });
  await holds(t, property, { runs: 30 });
  t.true(joined > 100, `${joined} facts are in a record with others`);
});

test('what a fact of another time says, or of another step, is a record of its own', (t) => {
  const folder = folderOf(t);
  const writer = openLedger(folder);
  const seqs = [
    writer.add(runOf(1, 1)),
    writer.add(runOf(1, 2), true),
    writer.add(runOf(2, 3), true),
    writer.add(runOf(2, 4)),
  ];
  t.deepEqual(seqs, [2, 2.1, 3, 4]);
  t.true(writer.flush());
  t.is(writer.add(runOf(2, 5), true), 5, 'what is written is not written on');
  for (let nth = 1; nth < FACTS_MOST; nth += 1) {
    t.is(writer.add(runOf(2, 5 + nth), true), Number(`5.${nth}`));
  }
  t.is(writer.add(runOf(2, 99), true), 6);
  writer.close();
  t.is(verify(folder, [writer.head]).bad, null);
});

test('one fact changed, and the record is named, of whichever place it is', (t) => {
  const folder = folderOf(t);
  const { head } = writeLedger(folder, 9, 100_000, 3);
  const lines = linesOf(folder);
  for (const [at, { line }] of lines.entries()) {
    const values = [...line.matchAll(/"nth":\d/g)];
    t.is(values.length, at === 0 ? 0 : 3, 'equal or not, a fact says what is its own');
    for (const { index } of values) {
      const changed = `${line.slice(0, index + 6)}0${line.slice(index + 7)}`;
      putLines(
        folder,
        lines.map((one, place) => (place === at ? { ...one, line: changed } : one)),
      );
      t.like(verify(folder, [head]).bad, { code: 'HP_LEDGER_BROKEN', seq: at + 1 });
    }
  }
});

for (const [what, and] of Object.entries({
  'no list': '{"kind":"run","cause_seq":[]}',
  'a fact that is none': '[7]',
  'an unknown kind': '[{"kind":"x","cause_seq":[]}]',
  'no causes': '[{"kind":"run"}]',
  'more facts than a record has': `[${Array(FACTS_MOST).fill('{"kind":"run","cause_seq":[]}').join(',')}]`,
})) {
  test(`a record that says it has others, and then has ${what}, is told as none`, (t) => {
    const folder = folderOf(t);
    writeLedger(folder, 3, 100_000);
    const lines = linesOf(folder).map((one, at) =>
      at === 2 ? { ...one, line: one.line.replace(',"hash"', `,"and":${and},"hash"`) } : one,
    );
    putLines(folder, rechained(lines, 2));
    t.throws(() => recordsOf(folder), { code: 'HP_LEDGER_BROKEN', message: /no record/ });
  });
}

test('a ledger of the first format goes on in a segment of this one, in one chain', (t) => {
  const [made, folder] = [folderOf(t), folderOf(t)];
  writeLedger(made, 20, 100_000, 3);
  writeFirstFormat(made, folder);
  const before = verify(folder);
  t.like(before, { bad: null, records: 61, segments: 1 });
  appendFileSync(segmentsIn(folder)[0]?.path ?? '', '{"seq":62,"at');
  const writer = openLedger(folder);
  t.is(writer.ledger, before.ledger ?? '');
  writer.add(runOf(9_000, 1));
  writer.add(runOf(9_000, 2), true);
  writer.close();
  const heads = [before.head ?? { seq: 0, hash: '' }, writer.head];
  t.like(verify(folder, heads), { bad: null, heads_met: 2, segments: 2, records: 64 });
  const records = recordsOf(folder);
  t.deepEqual(
    records.slice(61).map(({ seq, kind, nth, format }) => [seq, kind, nth ?? format]),
    [
      [62, 'segment', 2],
      [63, 'torn', undefined],
      [64, 'run', 1],
      [64.1, 'run', 2],
    ],
  );
  t.deepEqual(nthOf(records.slice(1, 61)), nthOf(recordsOf(made).slice(1)));
  openLedger(folder).close();
  t.is(segmentsIn(folder).length, 2, 'once');
});

test('on a full disk a ledger of the first format is not gone on with in another', (t) => {
  const [made, folder] = [folderOf(t), folderOf(t)];
  writeLedger(made, 3, 100_000);
  writeFirstFormat(made, folder);
  const before = linesOf(folder);
  t.throws(() => openLedger(folder, { write: noRoom }), { code: 'HP_LEDGER_LOST' });
  t.deepEqual(linesOf(folder), before, 'nothing is put behind its records');
});

/** What is no ledger, or only what is left of one, is told: never passed over, never a stack. */
import { appendFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import test from 'ava';
import { eachRecord, newestRecords } from '../../ledger/reader.ts';
import type { LedgerRecord } from '../../ledger/record.ts';
import { segmentPath } from '../../ledger/segments.ts';
import { verify } from '../../ledger/verify.ts';
import { folderOf, openLedger, writeLedger } from './made.ts';

function recordsOf(folder: string): LedgerRecord[] {
  const found: LedgerRecord[] = [];
  eachRecord(folder, (record) => found.push(record));
  return found;
}

test('a first segment without any whole line is begun anew, and what was cut is recorded', (t) => {
  const folder = folderOf(t);
  writeFileSync(segmentPath(folder, 1), '{"seq":1,"at_ms":1');
  t.like(verify(folder).bad, { code: 'HP_LEDGER_TORN', seq: 1 });
  openLedger(folder).close();
  t.is(verify(folder).bad, null);
  t.like(recordsOf(folder), [{ kind: 'segment' }, { kind: 'torn', cut_bytes: 18 }]);
});

test('later segments without any whole line are not written over', (t) => {
  const folder = folderOf(t);
  writeFileSync(segmentPath(folder, 3), '{"seq":70,"at_ms":1');
  t.throws(() => openLedger(folder), { code: 'HP_LEDGER_BROKEN', message: /not one whole record/ });
  t.is(readFileSync(segmentPath(folder, 3), 'utf8'), '{"seq":70,"at_ms":1');
});

test('a line longer than any record is none, and is not read to its end', (t) => {
  const folder = folderOf(t);
  const { head } = writeLedger(folder, 10, 100_000);
  appendFileSync(segmentPath(folder, 1), '7'.repeat(9 * 1024 * 1024));
  t.like(verify(folder).bad, { code: 'HP_LEDGER_BROKEN', seq: head.seq + 1 });
  t.throws(() => openLedger(folder), { code: 'HP_LEDGER_BROKEN' });
  t.throws(() => recordsOf(folder), { code: 'HP_LEDGER_BROKEN' });
});

test('a segment that cannot be read is told as that', (t) => {
  const [one, other] = [folderOf(t), folderOf(t)];
  mkdirSync(segmentPath(one, 1));
  symlinkSync('/nonexistent/segment', segmentPath(other, 1));
  for (const folder of [one, other]) {
    const told = { code: 'HP_LEDGER_UNREADABLE', message: /000001\.jsonl/ };
    t.throws(() => verify(folder), told);
    t.throws(() => newestRecords(folder, 1_000), told);
    t.throws(() => openLedger(folder), told);
  }
});

/** What was written is read back as it was, and nothing else passes for it. */
import { appendFileSync } from 'node:fs';
import { fork } from 'node:child_process';
import test from 'ava';
import fc from 'fast-check';
import type { Head } from '../../ledger/chain.ts';
import { LEDGER_LIMITS } from '../../ledger/limits.ts';
import { eachRecord } from '../../ledger/reader.ts';
import { type LedgerRecord, NO_HASH } from '../../ledger/record.ts';
import { segmentsIn } from '../../ledger/segments.ts';
import { verify } from '../../ledger/verify.ts';
import { holds } from '../seed.ts';
import { folderOf, linesOf, openLedger, putLines } from './made.ts';
import { rechained, runOf, Times, writeLedger } from './made.ts';

function recordsOf(folder: string): LedgerRecord[] {
  const found: LedgerRecord[] = [];
  eachRecord(folder, (record) => found.push(record));
  return found;
}

test('a ledger is numbered without gaps over its segments, and verifies', (t) => {
  const folder = folderOf(t);
  const { head } = writeLedger(folder, 100, 4_000);
  const records = recordsOf(folder);
  t.true(segmentsIn(folder).length > 3);
  t.deepEqual(
    records.map(({ seq }) => seq),
    records.map((_, index) => index + 1),
  );
  const found = verify(folder, [head]);
  t.like(found, { bad: null, heads_met: 1, first_seq: 1, records: records.length });
  t.deepEqual(found.head, head);
});

test('each segment begins with the head of the one before', (t) => {
  const folder = folderOf(t);
  writeLedger(folder, 60, 4_000);
  const records = recordsOf(folder);
  const headers = records.filter(({ kind }) => kind === 'segment');
  t.true(headers.length > 2);
  for (const { seq, prev_hash } of headers) {
    t.is(prev_hash, seq === 1 ? NO_HASH : records[seq - 2]?.hash);
  }
});

function textOf(folder: string): string {
  return linesOf(folder)[1]?.line.slice(0, -70) ?? '';
}

test('a record is written in one way, whatever the order in which it was put together', (t) => {
  const [one, other] = [folderOf(t), folderOf(t)];
  const inputs = { queued: 1, candidates: 2 };
  const about = { kind: 'policy', at_ms: 1.00049, cause_seq: [1] } as const;
  const a = openLedger(one);
  a.add({ ...about, trust: 'agent', question: 'place', answer: 'i1', inputs });
  a.close();
  const b = openLedger(other);
  const turned = { inputs: { candidates: 2, queued: 1 }, answer: 'i1', question: 'place' } as const;
  b.add({ ...turned, trust: 'agent', ...about });
  b.close();
  t.is(textOf(one), textOf(other));
  t.regex(textOf(one), /^\{"seq":2,"at_ms":1,"kind":"policy","trust":"agent","question":"place"/);
});

test('whatever a text holds, and whatever a figure is called, is read as it was given', async (t) => {
  const text = fc.string({ unit: 'binary', maxLength: 12 });
  const figures = fc.dictionary(text, fc.integer(), { maxKeys: 4 });
  const record = fc.record({ function: text, reason: text, inputs: figures });
  const property = fc.property(fc.array(record, { minLength: 1, maxLength: 40 }), (given) => {
    const folder = folderOf(t);
    const writer = openLedger(folder);
    const about = { kind: 'policy', at_ms: 1.0004, trust: 'agent', cause_seq: [] } as const;
    for (const one of given) writer.add({ ...about, ...one });
    writer.close();
    t.is(verify(folder, [writer.head]).bad, null);
    const found = recordsOf(folder).slice(1);
    t.deepEqual(
      found.map(({ function: name, reason, inputs, at_ms }) => [name, reason, inputs, at_ms]),
      given.map((one) => [one.function, one.reason, one.inputs, 1]),
    );
  });
  await holds(t, property, { runs: 8 });
});

test('a forgery that nobody kept a head of agrees with itself: heads are kept elsewhere', (t) => {
  const folder = folderOf(t);
  const { head } = writeLedger(folder, 20, 100_000);
  const lines = linesOf(folder);
  const forged = lines.map((one, index) =>
    index === 4 ? { ...one, line: one.line.replace('"nth":4', '"nth":9') } : one,
  );
  putLines(folder, rechained(forged, 4));
  t.is(verify(folder).bad, null);
  const { bad } = verify(folder, [head]);
  t.is(bad?.seq, head.seq);
  t.regex(bad?.problem ?? '', /records 1 to 21 were written anew/);
});

test('a last line that is not whole is told; the next writer cuts it and records how much', (t) => {
  const folder = folderOf(t);
  const { head } = writeLedger(folder, 10, 100_000);
  const [segment] = segmentsIn(folder);
  appendFileSync(segment?.path ?? '', '{"seq":12,"at_ms":1');
  t.like(verify(folder).bad, { code: 'HP_LEDGER_TORN', seq: 12 });
  const writer = openLedger(folder);
  writer.close();
  t.like(verify(folder, [head]), { bad: null, heads_met: 1 });
  t.like(recordsOf(folder).at(-1), { kind: 'torn', cut_bytes: 19, seq: 12 });
});

test('a ledger whose end is not as it was written is not written on', (t) => {
  const folder = folderOf(t);
  writeLedger(folder, 10, 100_000);
  const lines = linesOf(folder);
  const changed = lines.map((one, index) =>
    index === 8 ? { ...one, line: one.line.replace('"nth":8', '"nth":7') } : one,
  );
  putLines(folder, changed);
  t.throws(() => openLedger(folder), { code: 'HP_LEDGER_BROKEN', message: /written after 8/ });
});

test('killed at any moment of writing, a ledger goes on behind its last whole record', async (t) => {
  const folder = folderOf(t);
  const writer = new URL('killed-writer.ts', import.meta.url);
  for (let life = 1; life <= 4; life += 1) {
    const child = fork(writer, [folder], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    const heads: Head[] = [];
    child.on('message', (message: Head) => {
      heads.push(message);
      if (heads.length === 20) child.kill('SIGKILL');
    });
    await new Promise((resolve) => child.once('exit', resolve));
    t.true(heads.length >= 20);
    openLedger(folder).close();
    t.like(verify(folder, heads), { bad: null, heads_met: heads.length });
  }
});

test('when the disk is full what is to be said is said from the reserve, and told afterwards', (t) => {
  const folder = folderOf(t);
  const times = new Times();
  let room_bytes = 1_000_000;
  const writer = openLedger(folder, {
    nowMs: times.nowMs,
    write: (_, bytes) => {
      if (bytes.length > room_bytes) throw Object.assign(new Error('full'), { code: 'ENOSPC' });
      appendFileSync(
        bytes.length === LEDGER_LIMITS.reserve_bytes ? '/dev/null' : lastPath(folder),
        bytes,
      );
    },
  });
  t.false(writer.isFull);
  room_bytes = 0;
  writer.add(runOf(1, 1));
  t.false(writer.flush());
  t.true(writer.isFull);
  t.is(writer.pending, 1);
  for (let nth = 2; nth <= LEDGER_LIMITS.full_records + 5; nth += 1) writer.add(runOf(1, nth));
  t.is(writer.pending, LEDGER_LIMITS.full_records);
  room_bytes = 100_000_000;
  t.false(writer.flush(), 'it is not looked at all the time');
  times.now_ms += LEDGER_LIMITS.room_again_ms;
  t.true(writer.flush());
  t.false(writer.isFull);
  writer.close();
  t.is(verify(folder).bad, null);
  t.like(recordsOf(folder).at(-1), { kind: 'gap', lost_records: 5 });
});

function lastPath(folder: string): string {
  return segmentsIn(folder).at(-1)?.path ?? '';
}

test('old segments go when there are too many, the ledger says which, and the rest verifies', (t) => {
  const folder = folderOf(t);
  const writer = openLedger(folder, { segment_bytes: 4_000, kept_bytes: 12_000 });
  for (let nth = 1; nth <= 200; nth += 1) {
    writer.add(runOf(nth, nth));
    writer.flush();
  }
  writer.close();
  const kept = segmentsIn(folder).reduce((sum, { bytes }) => sum + bytes, 0);
  t.true(kept < 20_000);
  const found = verify(folder, [writer.head]);
  t.like(found, { bad: null, heads_met: 1 });
  t.true((found.first_seq ?? 0) > 100);
  t.true(recordsOf(folder).some(({ kind }) => kind === 'pruned'));
});

/** A disk with so many bytes: what the ledger does when they are used up. */
import { mkdirSync, openSync, readdirSync, readFileSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { LEDGER_LIMITS } from '../../ledger/limits.ts';
import { eachRecord } from '../../ledger/reader.ts';
import type { LedgerRecord } from '../../ledger/record.ts';
import { segmentPath } from '../../ledger/segments.ts';
import { verify } from '../../ledger/verify.ts';
import type { LedgerWriter, WriterOptions } from '../../ledger/writer.ts';
import { folderOf, openLedger, runOf, Times, writeFirstFormat, writeLedger } from './made.ts';

const { full_records, reserve_bytes, room_again_ms } = LEDGER_LIMITS;

class Disk {
  bytes = 0;
  readonly #folder: string;

  constructor(folder: string, bytes: number) {
    this.#folder = folder;
    this.bytes = bytes;
  }

  get used_bytes(): number {
    const sizes = readdirSync(this.#folder).map((name) => statSync(join(this.#folder, name)).size);
    return sizes.reduce((sum, size) => sum + size, 0);
  }

  /** As write(2) has it: what there is room for is written first. */
  readonly write: NonNullable<WriterOptions['write']> = (fd, bytes) => {
    const room_bytes = Math.max(0, this.bytes - this.used_bytes);
    writeSync(fd, bytes, 0, Math.min(bytes.length, room_bytes));
    if (bytes.length > room_bytes) throw Object.assign(new Error('full'), { code: 'ENOSPC' });
  };
}

function recordsOf(folder: string): LedgerRecord[] {
  const found: LedgerRecord[] = [];
  eachRecord(folder, (record) => found.push(record));
  return found;
}

/** Writes until the disk is full; how many records were said. */
function fill(writer: LedgerWriter): number {
  for (let nth = 1; nth < 2 * full_records; nth += 1) {
    writer.add(runOf(nth, nth));
    writer.flush();
    if (writer.isFull) return nth;
  }
  throw new Error('the disk was never full');
}

test('what is said when the disk becomes full is written where the reserve was, and whole', (t) => {
  const folder = folderOf(t);
  const disk = new Disk(folder, reserve_bytes + 2_000);
  const writer = openLedger(folder, { write: disk.write });
  const said = fill(writer);
  t.is(writer.pending, 0);
  t.like(recordsOf(folder).at(-1), { kind: 'run', nth: said });
  t.is(verify(folder, [writer.head]).bad, null);
});

test('what there is no room for at the end is told, and leaves no half of a record', (t) => {
  const folder = folderOf(t);
  const disk = new Disk(folder, reserve_bytes + 2_000);
  const writer = openLedger(folder, { write: disk.write });
  fill(writer);
  disk.bytes = disk.used_bytes + 100;
  for (let nth = 1; nth <= full_records + 5; nth += 1) writer.add(runOf(nth, nth));
  t.is(writer.close(), full_records + 5);
  t.is(verify(folder, [writer.head]).bad, null);
});

test('what waits at the end is written as soon as there is room, without a pause', (t) => {
  const folder = folderOf(t);
  const disk = new Disk(folder, reserve_bytes + 2_000);
  const writer = openLedger(folder, { write: disk.write });
  const said = fill(writer);
  writer.add(runOf(1, said + 1));
  t.is(writer.close(), 0);
  t.like(recordsOf(folder).slice(-2), [{ kind: 'run', nth: said + 1 }, { kind: 'gap' }]);
  t.is(verify(folder, [writer.head]).bad, null);
});

test('one record tells what was lost, however often there was too little room', (t) => {
  const folder = folderOf(t);
  const times = new Times();
  const disk = new Disk(folder, reserve_bytes + 2_000);
  const writer = openLedger(folder, { write: disk.write, nowMs: times.nowMs });
  fill(writer);
  disk.bytes = disk.used_bytes + reserve_bytes;
  for (let nth = 1; nth <= full_records; nth += 1) writer.add(runOf(nth, nth));
  for (let look = 1; look <= 4; look += 1) {
    writer.add(runOf(1, 1));
    times.now_ms += room_again_ms;
    t.false(writer.flush());
  }
  t.true(writer.pending <= full_records + 1, `${writer.pending} wait`);
  disk.bytes = Number.MAX_SAFE_INTEGER;
  times.now_ms += room_again_ms;
  t.true(writer.flush());
  t.is(writer.close(), 0);
  const gaps = recordsOf(folder).filter(({ kind }) => kind === 'gap');
  t.like(gaps, [{ lost_records: 4 }]);
  t.is(gaps.length, 1);
  t.is(verify(folder).bad, null);
});

test('a next segment that cannot be made ends the ledger, and the one before stays as it is', (t) => {
  const folder = folderOf(t);
  const writer = openLedger(folder, { segment_bytes: 1_000 });
  mkdirSync(segmentPath(folder, 2));
  const writeOn = (): void => {
    for (let nth = 1; nth <= 10; nth += 1) {
      writer.add(runOf(nth, nth));
      writer.flush();
    }
  };
  t.throws(writeOn, { code: 'HP_LEDGER_LOST', message: /EISDIR/ });
  t.is(writer.pending, 0);
  t.is(writer.close(), 0);
});

/** A ledger of the first format in a folder of its own, and its only segment. */
function firstFormat(t: ExecutionContext): { readonly folder: string; readonly segment: string } {
  const [newer, folder] = [folderOf(t), folderOf(t)];
  writeLedger(newer, 10, LEDGER_LIMITS.segment_bytes);
  writeFirstFormat(newer, folder);
  return { folder, segment: segmentPath(folder, 1) };
}

test('nothing of this format is put behind an earlier one, where no next segment can be made', (t) => {
  const { folder, segment } = firstFormat(t);
  const [before, { head }] = [readFileSync(segment), verify(folder)];
  const open = (path: string): number => {
    if (path !== segment) throw Object.assign(new Error('no file is free'), { code: 'ENOSPC' });
    return openSync(path, 'a', 0o600);
  };
  t.throws(() => openLedger(folder, { open }), { code: 'HP_LEDGER_LOST', message: /disk is full/ });
  t.deepEqual(readFileSync(segment), before);

  const writer = openLedger(folder);
  writer.add(runOf(1, 11));
  t.is(writer.close(), 0);
  t.like(verify(folder, head ? [head, writer.head] : []), { bad: null, heads_met: 2, segments: 2 });
});

test('an earlier format goes on after its next segment was made and had no room for a record', (t) => {
  const { folder, segment } = firstFormat(t);
  const [before, { head }] = [readFileSync(segment), verify(folder)];
  const { write } = new Disk(folder, before.length);
  const lost = { code: 'HP_LEDGER_LOST', message: /disk is full/ };
  t.throws(() => openLedger(folder, { write }), lost);
  t.deepEqual(readFileSync(segment), before);

  const writer = openLedger(folder);
  writer.add(runOf(1, 11));
  t.is(writer.close(), 0);
  t.like(verify(folder, head ? [head, writer.head] : []), { bad: null, heads_met: 2, segments: 2 });
});

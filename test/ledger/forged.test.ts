/**
 * Each check of verify alone: ledgers whose hashes agree, made by someone who can compute them, and
 * that are still none. No head is given: the check in question is the only one that can see it.
 */
import { rmSync, truncateSync } from 'node:fs';
import test from 'ava';
import { segmentPath, segmentsIn } from '../../ledger/segments.ts';
import { verify } from '../../ledger/verify.ts';
import { folderOf, hashIn, linesOf, openLedger, type Placed, putLines } from './made.ts';
import { rechained, writeLedger } from './made.ts';

interface Forgery {
  /** What the forger does; `header`: the place of the second segment's first record. */
  readonly forge: (lines: readonly Placed[], header: number) => Placed[];
  /** The place of the first bad record. */
  readonly bad: (header: number) => number;
  readonly problem: RegExp;
}

/** One line changed, and nothing else. */
function edited(lines: readonly Placed[], at: number, what: string | RegExp, to: string): Placed[] {
  return lines.map((one, index) =>
    index === at ? { ...one, line: one.line.replace(what, to) } : one,
  );
}

const FORGERIES: Readonly<Record<string, Forgery>> = {
  'a number that was left out': {
    forge: (lines) => rechained(edited(lines, 5, '"seq":6,', '"seq":7,'), 5),
    bad: () => 5,
    problem: /in its place stands record 7/,
  },
  'a segment without its first record': {
    forge: (lines, at) => rechained(edited(lines, at, '"kind":"segment"', '"kind":"end"'), at),
    bad: (header) => header,
    problem: /does not begin with what it is/,
  },
  'a segment under another number': {
    forge: (lines, at) => rechained(edited(lines, at, '"segment":2', '"segment":7'), at),
    bad: (header) => header,
    problem: /it is of segment 7/,
  },
  'a segment of another ledger': {
    forge: (lines, at) => rechained(edited(lines, at, /"ledger":"[^"]+"/, '"ledger":"x"'), at),
    bad: (header) => header,
    problem: /it is of ledger x/,
  },
  'a segment that names another head': {
    forge: (lines, at) => {
      const forged = edited(lines, at, /"prev_hash":"[^"]+"/, `"prev_hash":"${'7'.repeat(64)}"`);
      return rechained(forged, at, { names_heads: false });
    },
    bad: (header) => header,
    problem: /it names another head/,
  },
  'a beginning that has something before it': {
    forge: (lines) => rechained(lines, 0, { prev: '7'.repeat(64) }),
    bad: () => 0,
    problem: /does not begin with the first record/,
  },
  'a hash under another name': {
    forge: (lines) => edited(lines, 5, ',"hash":"', ',"Hash":"'),
    bad: () => 5,
    problem: /its hash is not that/,
  },
};

for (const [name, { forge, bad, problem }] of Object.entries(FORGERIES)) {
  test(`${name} is found without a head`, (t) => {
    const folder = folderOf(t);
    writeLedger(folder, 30, 2_500);
    const lines = linesOf(folder);
    const header = lines.findIndex(({ file }) => file !== lines[0]?.file);
    putLines(folder, forge(lines, header));
    const found = verify(folder).bad;
    t.like(found, { code: 'HP_LEDGER_BROKEN', seq: bad(header) + 1 });
    t.regex(found?.problem ?? '', problem);
  });
}

test('a segment that is missing, and one that is empty, are told as that', (t) => {
  const folder = folderOf(t);
  writeLedger(folder, 30, 2_500);
  const last = segmentsIn(folder).at(-1);
  truncateSync(last?.path ?? '');
  t.like(verify(folder).bad, { code: 'HP_LEDGER_TORN', path: last?.path });
  t.regex(verify(folder).bad?.problem ?? '', /segment \d+ is empty/);
  rmSync(segmentPath(folder, 2));
  t.regex(verify(folder).bad?.problem ?? '', /segment 2 is missing/);
});

test('two heads of one record cannot both be: the tail was cut, and written on', (t) => {
  const folder = folderOf(t);
  const { head } = writeLedger(folder, 10, 100_000);
  const [before, after] = [head, { seq: head.seq, hash: '7'.repeat(64) }];
  for (const kept of [
    [before, after],
    [after, before],
  ]) {
    t.like(verify(folder, kept).bad, { code: 'HP_LEDGER_BROKEN', seq: head.seq });
  }
  t.like(verify(folder, [head, head]), { bad: null, heads_met: 1 });
});

test('another whole ledger in its place meets no head that was kept', (t) => {
  const [folder, other] = [folderOf(t), folderOf(t)];
  const writer = writeLedger(folder, 10, 100_000);
  const kept = { ...writer.head, ledger: writer.ledger };
  writeLedger(other, 10, 100_000);
  t.is(verify(other).bad, null, 'without heads it is as good as any');
  const found = verify(other, [kept]);
  t.like(found.bad, { code: 'HP_LEDGER_BROKEN', seq: 1 });
  t.regex(found.bad?.problem ?? '', /none of the heads .* another ledger stands here/);
  t.is(verify(folder, [kept, { ...writer.head, ledger: 'of a peer' }]).bad, null);
});

test('a beginning that was removed is held against the head of the last record in it', (t) => {
  const folder = folderOf(t);
  const writer = writeLedger(folder, 30, 2_500);
  const lines = linesOf(folder);
  const at = lines.findIndex(({ file }) => file !== lines[0]?.file);
  const last = { seq: at, hash: hashIn(lines[at - 1]), ledger: writer.ledger };
  rmSync(segmentPath(folder, 1));
  t.like(verify(folder, [last]), { bad: null, heads_met: 1, first_seq: at + 1 });
  const earlier = { ...last, seq: at - 1, hash: hashIn(lines[at - 2]) };
  t.like(verify(folder, [earlier]).bad, { code: 'HP_LEDGER_BROKEN', seq: at + 1 });
  t.like(verify(folder, [{ ...last, hash: '7'.repeat(64) }, writer.head]).bad, {
    code: 'HP_LEDGER_BROKEN',
  });
});

test('only a ledger whose numbers follow each other is written on', (t) => {
  const folder = folderOf(t);
  writeLedger(folder, 10, 100_000);
  const lines = linesOf(folder);
  putLines(folder, rechained(edited(lines, 5, '"seq":6,', '"seq":7,'), 5));
  t.throws(() => openLedger(folder), { code: 'HP_LEDGER_BROKEN', message: /written after 5/ });
  t.is(hashIn(linesOf(folder)[4]), hashIn(lines[4]));
});

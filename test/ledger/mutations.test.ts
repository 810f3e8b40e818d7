/** Whatever somebody does to a ledger is found: in memory, very often; and as files on a disk. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import { type KeptHead, type Verified, verify, verifyFiles } from '../../ledger/verify.ts';
import { holds, SEED } from '../seed.ts';
import { folderOf, hashIn, linesOf, type Placed, writeLedger } from './made.ts';
import { type Files, filesOf, inMemory, type Mutation, mutated, mutation } from './mutations.ts';

interface Original {
  readonly lines: readonly Placed[];
  /** Of a record in the middle, and of the last one. */
  readonly heads: readonly [KeptHead, KeptHead];
}

/** A ledger in segments, records of three facts; every run of a property changes a copy of it. */
function original(folder: string): Original {
  const { head } = writeLedger(folder, 30, 5_000, 3);
  const lines = linesOf(folder);
  return { lines, heads: [{ seq: 12, hash: hashIn(lines[11]) }, head] };
}

/** Throws when what was done is not found, or another record is named than the first bad one. */
function found(
  { lines, heads }: Original,
  one: Mutation,
  verified: (files: Files) => Verified,
): void {
  const made = mutated(lines, one);
  if (!made) return;
  const { bad } = verified(made.files);
  if (!bad) throw new Error('nothing was found');
  const { first_bad } = made;
  // Of a forged chain a head that was kept shows it: the first at or behind what was changed.
  const shown = first_bad <= heads[0].seq ? heads[0].seq : heads[1].seq;
  const named = one.kind === 'rechain' ? shown : first_bad;
  if (bad.seq !== named) throw new Error(`${bad.seq} is named, not ${named}`);
}

test('whatever is done to a ledger is found, and the first bad record is named', async (t) => {
  t.timeout(600_000);
  t.log(`seed ${SEED}`);
  const before = original(folderOf(t));
  const { heads, lines } = before;
  t.is(verifyFiles(inMemory(filesOf(lines)), heads).bad, null);
  const property = fc.property(mutation, (one) =>
    found(before, one, (files) => verifyFiles(inMemory(files), heads)),
  );
  await holds(t, property, { runs: 100_000 });
});

test('the same is found of what lies on a disk', async (t) => {
  const before = original(folderOf(t));
  const folder = join(folderOf(t), 'changed');
  const onDisk = (files: Files): Verified => {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder);
    for (const [name, text] of files) writeFileSync(join(folder, name), text);
    return verify(folder, before.heads);
  };
  t.is(onDisk(filesOf(before.lines)).bad, null);
  const property = fc.property(mutation, (one) => found(before, one, onDisk));
  await holds(t, property, { runs: 100 });
});

/** What somebody may do to a ledger, in memory, and which record is then the first bad one. */
import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { unreachable } from '../../base/assert.ts';
import { eachLineIn } from '../../ledger/reader.ts';
import type { LedgerFiles } from '../../ledger/verify.ts';
import { type Placed, rechained } from './made.ts';

/** `rechain`: he can compute the chain anew from there on. */
export const mutation = fc.oneof(
  fc.record({ kind: fc.constant('edit' as const), at: fc.nat(), byte: fc.nat(), to: fc.nat(255) }),
  fc.record({ kind: fc.constant('drop' as const), at: fc.nat() }),
  fc.record({ kind: fc.constant('swap' as const), at: fc.nat(), with: fc.nat() }),
  fc.record({ kind: fc.constant('insert' as const), at: fc.nat(), copy: fc.nat() }),
  fc.record({ kind: fc.constant('truncate' as const), bytes: fc.nat() }),
  fc.record({ kind: fc.constant('drop-segment' as const), at: fc.nat() }),
  fc.record({
    kind: fc.constant('rechain' as const),
    at: fc.nat(),
    how: fc.constantFrom('edit' as const, 'swap' as const, 'insert' as const, 'drop' as const),
  }),
);
export type Mutation = typeof mutation extends fc.Arbitrary<infer One> ? One : never;
type Lines = readonly Placed[];
type Rechain = Extract<Mutation, { kind: 'rechain' }>['how'];

/** Text of each file by its name, the oldest first. */
export type Files = ReadonlyMap<string, string>;

export interface Mutated {
  readonly files: Files;
  /** From 1. */
  readonly first_bad: number;
}

/** Every file of `before` is there, also one without lines. */
export function filesOf(before: Lines, lines: Lines = before): Map<string, string> {
  const files = new Map(before.map(({ file }) => [file, '']));
  for (const { file, line } of lines) files.set(file, `${files.get(file) ?? ''}${line}\n`);
  return files;
}

/** Does it; null: nothing changed. */
export function mutated(before: Lines, one: Mutation): Mutated | null {
  const place = (at: number): number => at % before.length;
  const told = (lines: Lines | null, first_bad: number): Mutated | null =>
    lines && { files: filesOf(before, lines), first_bad };
  switch (one.kind) {
    case 'edit': {
      const at = place(one.at);
      return told(edited(before, at, one.byte, one.to), at + 1);
    }
    case 'drop':
      return told(before.toSpliced(place(one.at), 1), place(one.at) + 1);
    case 'swap': {
      const [a, b] = [place(one.at), place(one.with)];
      return told(swapped(before, a, b), Math.min(a, b) + 1);
    }
    case 'insert': {
      const [at, copy] = [place(one.at), place(one.copy)];
      const [found, other] = [before[at], before[copy]];
      if (!found || !other) return null;
      const lines = before.toSpliced(at, 0, { ...found, line: other.line });
      // A copy put before its own is the one that belongs there.
      return told(lines, at === copy ? at + 2 : at + 1);
    }
    case 'truncate':
      return truncated(before, one.bytes);
    case 'drop-segment': {
      const files = filesOf(before);
      // The oldest may be removed by who keeps the ledger; what is left tells so.
      const gone = [...files.keys()][1 + (one.at % (files.size - 1))] ?? '';
      files.delete(gone);
      return { files, first_bad: before.findIndex(({ file }) => file === gone) + 1 };
    }
    case 'rechain': {
      const at = place(one.at);
      const forged = forgedAt(before, at, one.how);
      return told(forged && rechained(forged, at), at + 1);
    }
    default:
      return unreachable(one);
  }
}

function edited(lines: Lines, at: number, byte: number, to: number): Lines | null {
  const found = lines[at];
  if (!found) return null;
  const index = byte % found.line.length;
  const char = String.fromCharCode(32 + (to % 94));
  const line = `${found.line.slice(0, index)}${char}${found.line.slice(index + 1)}`;
  return line === found.line ? null : lines.with(at, { ...found, line });
}

function swapped(lines: Lines, a: number, b: number): Lines | null {
  const [first, second] = [lines[a], lines[b]];
  if (!first || !second || a === b) return null;
  return lines.with(a, { ...first, line: second.line }).with(b, { ...second, line: first.line });
}

function truncated(before: Lines, bytes: number): Mutated {
  const files = filesOf(before);
  const [last = '', text = ''] = [...files].at(-1) ?? [];
  const kept = text.slice(0, bytes % text.length);
  files.set(last, kept);
  const first = before.findIndex(({ file }) => file === last);
  return { files, first_bad: first + kept.split('\n').length };
}

/** Told as the record of its place; the headers of segments stay where they are. */
function forgedAt(lines: Lines, at: number, how: Rechain): Lines | null {
  const [found, next] = [lines[at], lines[at + 1]];
  if (!found || !next || isHeader(found) || isHeader(next)) return null;
  const own = { ...found, line: found.line.replace(/"at_ms":\d+/, '"at_ms":7') };
  const others: Record<Rechain, Lines> = {
    edit: [own, next],
    swap: [
      { ...found, line: next.line },
      { ...next, line: found.line },
    ],
    insert: [own, found, next],
    drop: [next],
  };
  const all = [...lines.slice(0, at), ...others[how], ...lines.slice(at + 2)];
  return all.map((one, index) => ({
    ...one,
    line: one.line.replace(/^\{"seq":\d+/, `{"seq":${index + 1}`),
  }));
}

const isHeader = ({ line }: Placed): boolean => line.includes('"kind":"segment"');

/** As verify reads them. */
export function inMemory(files: Files): LedgerFiles {
  const segments = [...files].map(([path, text]) => {
    return { number: Number.parseInt(path, 10), path, bytes: text.length };
  });
  return {
    folder: 'in memory',
    segments,
    eachLine: (path, visit) => eachLineIn(Buffer.from(files.get(path) ?? '', 'latin1'), visit),
  };
}

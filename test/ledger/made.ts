/** Ledgers that are made for tests: random records, and what was done to them afterwards. */
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { eachRecord } from '../../ledger/reader.ts';
import { NO_HASH, type RecordDraft } from '../../ledger/record.ts';
import { segmentPath, segmentsIn } from '../../ledger/segments.ts';
import { LedgerWriter, type WriterOptions } from '../../ledger/writer.ts';

/** A folder that is removed after the test. */
export function folderOf(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'hp-ledger-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Milliseconds since 1970 where the clocks of these ledgers begin. */
export const WALL_MS = 1_700_000_000_000;

/** Time stands where it is put. */
export class Times {
  now_ms = 1_000;
  readonly nowMs = (): number => this.now_ms;
  readonly wallMs = (): number => WALL_MS + this.now_ms;
}

export function openLedger(folder: string, options: Partial<WriterOptions> = {}): LedgerWriter {
  const { nowMs, wallMs } = new Times();
  return new LedgerWriter({ folder, host: 'h', nowMs, wallMs, ...options });
}

export function runOf(at_ms: number, nth: number, cause_seq: readonly number[] = []): RecordDraft {
  const about = { trust: 'agent', function: 'f', vm_id: 'vm1', region_id: 'vm1/r0' } as const;
  return { kind: 'run', at_ms, ...about, instance_id: 'i1', request_id: `q${nth}`, nth, cause_seq };
}

/** So many records, of so many facts each, in segments as large as that. */
export function writeLedger(
  folder: string,
  records: number,
  segment_bytes: number,
  facts = 1,
): LedgerWriter {
  const writer = openLedger(folder, { segment_bytes });
  for (let nth = 1; nth <= records; nth += 1) {
    const cause_seq = nth > 1 ? [nth - 1] : [];
    for (let fact = 0; fact < facts; fact += 1) {
      writer.add(runOf(1_000 + nth, nth, cause_seq), fact > 0);
    }
    if (nth % 5 === 0) writer.flush();
  }
  writer.close();
  return writer;
}

/** All lines of a ledger, and where each lies. */
export interface Placed {
  /** Name of its file. */
  readonly file: string;
  readonly line: string;
}

export function linesOf(folder: string): Placed[] {
  return segmentsIn(folder).flatMap(({ path }) =>
    readFileSync(path, 'utf8')
      .split('\n')
      .slice(0, -1)
      .map((line) => ({ file: basename(path), line })),
  );
}

/** Puts lines where they say they lie; a file of which there are none becomes empty. */
export function putLines(folder: string, lines: readonly Placed[]): void {
  for (const { path } of segmentsIn(folder)) {
    const own = lines.filter(({ file }) => file === basename(path)).map(({ line }) => `${line}\n`);
    writeFileSync(path, own.join(''));
  }
}

/** The same ledger as the first format has it: each fact is a record. */
export function writeFirstFormat(folder: string, to: string): void {
  const numbers = new Map<number, number>();
  const of = (seq: number): number => numbers.get(seq) ?? 0;
  const lines: Placed[] = [];
  eachRecord(folder, ({ seq: was, cause_seq: causes, hash, reuse_seq: reuse, ...rest }) => {
    const seq = lines.length + 1;
    numbers.set(was, seq);
    const cause_seq = causes.map(of);
    const reuse_seq = reuse === undefined ? {} : { reuse_seq: of(reuse) };
    const format = rest.kind === 'segment' ? { format: 1 } : {};
    const told = { seq, ...rest, ...reuse_seq, ...format, cause_seq, hash };
    lines.push({ file: '000001.jsonl', line: JSON.stringify(told) });
  });
  const text = rechained(lines, 0).map(({ line }) => `${line}\n`);
  writeFileSync(segmentPath(to, 1), text.join(''));
}

interface Forging {
  /** What the first forged record is chained to; absent: its predecessor. */
  readonly prev?: string;
  /** Headers name the head before them, as forged; false: they are as they lie there. */
  readonly names_heads?: boolean;
}

/** The chain of someone who changed record `at` and computes all hashes behind it anew. */
export function rechained<T extends Placed>(
  lines: readonly T[],
  at: number,
  forging: Forging = {},
): T[] {
  const { names_heads = true } = forging;
  let prev = forging.prev ?? (at === 0 ? NO_HASH : hashIn(lines[at - 1]));
  return lines.map((one, index) => {
    if (index < at) return one;
    const text = names_heads
      ? one.line.replace(/"prev_hash":"[0-9a-f]{64}"/, `"prev_hash":"${prev}"`)
      : one.line;
    const body = text.slice(0, -75);
    prev = createHash('sha256').update(`${prev}${body}}`).digest('hex');
    return { ...one, line: `${body},"hash":"${prev}"}` };
  });
}

export function hashIn(one: Placed | undefined): string {
  return one?.line.slice(-66, -2) ?? NO_HASH;
}

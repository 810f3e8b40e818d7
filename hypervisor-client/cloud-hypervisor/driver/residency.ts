/**
 * What the server really holds of the host's memory for each region. A region with mappings of its
 * own is read from smaps; one that shares a mapping with its neighbours (anonymous memory) is
 * counted page by page from pagemap (Documentation/admin-guide/mm/pagemap.rst).
 */
import { readFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { vmmError } from '../../errors.ts';
import { type AddressRange, parseSmaps, residencyOf } from '../../host/smaps.ts';
import { codeOf } from '../../../base/system-error.ts';

export interface Residency {
  readonly resident_bytes: number;
  /** In the order of the ranges asked for. */
  readonly ranges: readonly number[];
}

const PAGE_BYTES = 4096;
const ENTRY_BYTES = 8;
const CHUNK_BYTES = 512 * 1024;
/** Bit 63 of an entry, in its last byte: the page is in memory. */
const PRESENT = 0x80;

/** Throws HP_VMM_GONE when the process ended, HP_VMM_BACKING when it cannot be looked into. */
export async function readResidency(
  proc_root: string,
  pid: number,
  ranges: readonly AddressRange[],
): Promise<Residency> {
  const mappings = parseSmaps(readProc(join(proc_root, String(pid), 'smaps'), pid));
  const found = residencyOf(mappings, ranges);
  if (found.resident_bytes === 0) throw vmmError('HP_VMM_GONE', `Process ${pid} ended.`);
  const counted: number[] = [];
  for (const [index, range] of ranges.entries()) {
    const { resident_bytes, covered_bytes } = found.ranges[index] ?? NOTHING;
    const alone = covered_bytes === range.end - range.start;
    counted.push(alone ? resident_bytes : await countPages(proc_root, pid, range));
  }
  return { resident_bytes: found.resident_bytes, ranges: counted };
}

/** Resident bytes of the whole server; throws as `readResidency`. */
export function readResidentBytes(proc_root: string, pid: number): number {
  const mappings = parseSmaps(readProc(join(proc_root, String(pid), 'smaps'), pid));
  const { resident_bytes } = residencyOf(mappings, []);
  if (resident_bytes === 0) throw vmmError('HP_VMM_GONE', `Process ${pid} ended.`);
  return resident_bytes;
}

const NOTHING = { resident_bytes: 0, covered_bytes: 0 };

/** Bytes of a range that are in memory. */
async function countPages(
  proc_root: string,
  pid: number,
  { start, end }: AddressRange,
): Promise<number> {
  const path = join(proc_root, String(pid), 'pagemap');
  let file: FileHandle | null = null;
  try {
    file = await open(path, 'r');
    const buffer = Buffer.alloc(CHUNK_BYTES);
    const last = (end / PAGE_BYTES) * ENTRY_BYTES;
    let pages = 0;
    for (let at = (start / PAGE_BYTES) * ENTRY_BYTES; at < last; ) {
      const { bytesRead } = await file.read(buffer, 0, Math.min(CHUNK_BYTES, last - at), at);
      if (bytesRead === 0) throw vmmError('HP_VMM_GONE', `Process ${pid} ended.`);
      pages += countPresent(buffer.subarray(0, bytesRead));
      at += bytesRead;
    }
    return pages * PAGE_BYTES;
  } catch (error) {
    throw readError(path, pid, error);
  } finally {
    await file?.close();
  }
}

/** Entries of pages that are in memory. Pure. */
export function countPresent(entries: Uint8Array): number {
  let count = 0;
  for (let at = ENTRY_BYTES - 1; at < entries.length; at += ENTRY_BYTES) {
    if (((entries[at] ?? 0) & PRESENT) !== 0) count += 1;
  }
  return count;
}

function readProc(path: string, pid: number): string {
  try {
    return readFileSync(path, 'latin1');
  } catch (error) {
    throw readError(path, pid, error);
  }
}

function readError(path: string, pid: number, error: unknown): unknown {
  const code = codeOf(error);
  if (code === 'ENOENT' || code === 'ESRCH') {
    return vmmError('HP_VMM_GONE', `Process ${pid} ended.`, { cause: error });
  }
  if (code === null || code.startsWith('HP_')) return error;
  return vmmError('HP_VMM_BACKING', `${path} cannot be read.`, { cause: error });
}

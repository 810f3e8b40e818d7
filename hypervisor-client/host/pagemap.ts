/**
 * What a process holds in memory of a range of addresses, counted page by page from
 * /proc/PID/pagemap (Documentation/admin-guide/mm/pagemap.rst): for ranges that share a mapping
 * with others, which smaps cannot tell apart.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { vmmError } from '../errors.ts';
import type { AddressRange } from './smaps.ts';
import { codeOf } from '../../base/system-error.ts';

const PAGE_BYTES = 4096;
const ENTRY_BYTES = 8;
const CHUNK_BYTES = 512 * 1024;
/** Bit 63 of an entry, in its last byte: the page is in memory. */
const PRESENT = 0x80;

/**
 * Resident bytes of each range, in their order. Throws HP_VMM_GONE when the process ended,
 * HP_VMM_BACKING when it cannot be looked into.
 */
export async function countResident(
  proc_root: string,
  pid: number,
  ranges: readonly AddressRange[],
): Promise<number[]> {
  const path = join(proc_root, String(pid), 'pagemap');
  let file: FileHandle | null = null;
  try {
    file = await open(path, 'r');
    const counted: number[] = [];
    for (const range of ranges) counted.push(await countRange(file, pid, range));
    return counted;
  } catch (error) {
    throw readError(path, pid, error);
  } finally {
    await file?.close();
  }
}

async function countRange(file: FileHandle, pid: number, range: AddressRange): Promise<number> {
  const buffer = Buffer.alloc(CHUNK_BYTES);
  const last = (range.end / PAGE_BYTES) * ENTRY_BYTES;
  let pages = 0;
  for (let at = (range.start / PAGE_BYTES) * ENTRY_BYTES; at < last; ) {
    const { bytesRead } = await file.read(buffer, 0, Math.min(CHUNK_BYTES, last - at), at);
    if (bytesRead === 0) throw vmmError('HP_VMM_GONE', `Process ${pid} ended.`);
    pages += countPresent(buffer.subarray(0, bytesRead));
    at += bytesRead;
  }
  return pages * PAGE_BYTES;
}

/** Entries of pages that are in memory. Pure. */
export function countPresent(entries: Uint8Array): number {
  let count = 0;
  for (let at = ENTRY_BYTES - 1; at < entries.length; at += ENTRY_BYTES) {
    if (((entries[at] ?? 0) & PRESENT) !== 0) count += 1;
  }
  return count;
}

/** What the proc file system said of a process, in our words. */
export function readError(path: string, pid: number, error: unknown): unknown {
  const code = codeOf(error);
  if (code === 'ENOENT' || code === 'ESRCH') {
    return vmmError('HP_VMM_GONE', `Process ${pid} ended.`, { cause: error });
  }
  if (code === null || code.startsWith('HP_')) return error;
  return vmmError('HP_VMM_BACKING', `${path} cannot be read.`, { cause: error });
}

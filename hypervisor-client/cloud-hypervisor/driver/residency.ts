/**
 * What the server really holds of the host's memory for each region. A region with mappings of its
 * own is read from smaps; one that shares a mapping with its neighbours (anonymous memory) is
 * counted page by page from pagemap (Documentation/admin-guide/mm/pagemap.rst).
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { vmmError } from '../../errors.ts';
import { countResident, readError } from '../../host/pagemap.ts';
import { type AddressRange, parseSmaps, residencyOf } from '../../host/smaps.ts';

export interface Residency {
  readonly resident_bytes: number;
  /** In the order of the ranges asked for. */
  readonly ranges: readonly number[];
}

/** Throws HP_VMM_GONE when the process ended, HP_VMM_BACKING when it cannot be looked into. */
export async function readZoneResidency(
  proc_root: string,
  pid: number,
  ranges: readonly AddressRange[],
): Promise<Residency> {
  const mappings = parseSmaps(readProc(join(proc_root, String(pid), 'smaps'), pid));
  const found = residencyOf(mappings, ranges);
  if (found.resident_bytes === 0) throw vmmError('HP_VMM_GONE', `Process ${pid} ended.`);
  const isAlone = ({ start, end }: AddressRange, index: number): boolean =>
    found.ranges[index]?.covered_bytes === end - start;
  const mixed = ranges.filter((range, index) => !isAlone(range, index));
  const counted = mixed.length > 0 ? await countResident(proc_root, pid, mixed) : [];
  let next = 0;
  return {
    resident_bytes: found.resident_bytes,
    ranges: ranges.map((range, index) =>
      isAlone(range, index) ? (found.ranges[index]?.resident_bytes ?? 0) : (counted[next++] ?? 0),
    ),
  };
}

/** Resident bytes of the whole server; throws as `readResidency`. */
export function readResidentBytes(proc_root: string, pid: number): number {
  const mappings = parseSmaps(readProc(join(proc_root, String(pid), 'smaps'), pid));
  const { resident_bytes } = residencyOf(mappings, []);
  if (resident_bytes === 0) throw vmmError('HP_VMM_GONE', `Process ${pid} ended.`);
  return resident_bytes;
}

function readProc(path: string, pid: number): string {
  try {
    return readFileSync(path, 'latin1');
  } catch (error) {
    throw readError(path, pid, error);
  }
}

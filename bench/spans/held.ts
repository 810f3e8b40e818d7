/** What a VMM's process holds of the host's memory, from smaps: the bench's own look. */
import { readFileSync } from 'node:fs';
import { KIB } from '../../base/units.ts';

/** Its mappings, apart: an emulator's code is the one that is writable and executable. */
const MAPPING = /^(?=[0-9a-f]+-[0-9a-f]+ )/m;
const TRANSLATED = /^\S+ rwx/;

/** Resident bytes of a text of smaps, without code that an emulator translated. Pure. */
export function heldBytes(smaps: string): number {
  let bytes = 0;
  for (const mapping of smaps.split(MAPPING)) {
    if (TRANSLATED.test(mapping)) continue;
    bytes += Number(/^Rss:\s+(\d+) kB/m.exec(mapping)?.[1] ?? 0) * KIB;
  }
  return bytes;
}

/** Null when it is gone. */
export function heldOf(pid: number): number | null {
  try {
    return heldBytes(readFileSync(`/proc/${pid}/smaps`, 'utf8'));
  } catch {
    return null;
  }
}

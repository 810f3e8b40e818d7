/** What kind of pages the host really gave a VM, from /proc/PID/smaps. */
import { readFile } from 'node:fs/promises';
import { KIB } from '../../../base/units.ts';

/** Bytes of a process that are in huge pages. Pure. */
export function hugeBytes(smaps: string): number {
  const fields = smaps.matchAll(/^(?:AnonHugePages|ShmemPmdMapped|FilePmdMapped): +(\d+) kB$/gm);
  return [...fields].reduce((sum, [, kib]) => sum + Number(kib) * KIB, 0);
}

export async function readHugeBytes(pid: number): Promise<number> {
  return hugeBytes(await readFile(`/proc/${pid}/smaps`, 'utf8'));
}

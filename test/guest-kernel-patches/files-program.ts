/** Reads and writes files inside a guest; guest/files.c does it there. */
import { fileURLToPath } from 'node:url';
import { DEFAULT_ARCH, type GuestArch } from '../../base/guest-arch.ts';
import { ensureStaticProgram } from '../../images/rootfs/program.ts';
import { runInGuest } from '../../bench/kernel/run-in-guest.ts';
import type { SelftestGuest } from './selftest-guest.ts';

export const FILES_NAME = 'test-files';

const SOURCE = fileURLToPath(new URL('guest/files.c', import.meta.url));
const FILES_MS = 300_000;
/** kmemleak finds them in seconds on an idle host, and in minutes on a busy one. */
const KMEMLEAK_MS = 900_000;
const KMEMLEAK = '/sys/kernel/debug/kmemleak';

export async function ensureFilesProgram(arch: GuestArch = DEFAULT_ARCH): Promise<string> {
  return await ensureStaticProgram({ name: FILES_NAME, sources: [SOURCE], arch });
}

/**
 * Does it one after the other: `PATH` reads, `PATH=TEXT` writes, `+SECONDS` waits. Returns what was
 * read, a line each. Throws when a file cannot be read or written, or at the deadline.
 */
export async function guestFiles(
  guest: SelftestGuest,
  steps: readonly string[],
  deadline_ms = FILES_MS,
): Promise<readonly string[]> {
  const found: string[] = [];
  const trouble: string[] = [];
  const argv = [`/bin/${FILES_NAME}`, ...steps];
  const ended = await runInGuest(guest, { argv, deadline_ms }, (line) => {
    const read = /# file \S+?(:|!) (.*?)\r?$/.exec(line);
    if (read) (read[1] === ':' ? found : trouble).push(read[2] ?? '');
    return line.includes('# files end');
  });
  if (ended && trouble.length === 0) return found;
  throw new Error(`${steps.join(' ')}: ${trouble.join(', ') || 'no end'}`);
}

/**
 * What kmemleak reports. It believes a leak of an object only when it is older than 5 s and looked
 * the same in the scan before, so there are two with a pause before each.
 */
export async function leaks(guest: SelftestGuest): Promise<readonly string[]> {
  const scan = ['+6', `${KMEMLEAK}=scan`];
  return await guestFiles(guest, [...scan, ...scan, KMEMLEAK], KMEMLEAK_MS);
}

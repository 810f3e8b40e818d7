/**
 * Files that another process writes without end (the console of a guest, the output of a VMM), kept
 * small while it runs: what is old is given back, the end stays. Nobody needs to read them.
 */
import { open, stat } from 'node:fs/promises';
import type { Clock } from '../../base/clock.ts';
import { VMM_LIMITS } from '../limits.ts';
import { errnoOf } from '../../base/system-error.ts';

export interface BoundedFile {
  readonly path: string;
  /**
   * The writer appends (O_APPEND): the file becomes short. Else it goes on at its own offset: the
   * file keeps its length and gets a hole, which takes no room, in front of its end.
   */
  readonly appends: boolean;
}

/** Looks now and then until `signal` aborts, and once more then. Never rejects. */
export async function keepBounded(
  files: readonly BoundedFile[],
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await clock.sleep(VMM_LIMITS.console_look_ms, signal);
    } catch {
      // Aborted: the last look follows.
    }
    for (const file of files) await cutIfLarge(file);
  }
}

/**
 * Keeps the last VMM_LIMITS.console_kept_bytes of a file that takes more than
 * VMM_LIMITS.console_bytes_max of the disk. What the writer says in the moment between reading the
 * end and giving the rest back is lost. A file that is not there, or cannot be cut, is left: its VM
 * matters more.
 */
export async function cutIfLarge({ path, appends }: BoundedFile): Promise<boolean> {
  try {
    const { blocks } = await stat(path);
    if (blocks * BLOCK_BYTES <= VMM_LIMITS.console_bytes_max) return false;
    await using file = await open(path, 'r+');
    const { size } = await file.stat();
    const length = Math.min(size, VMM_LIMITS.console_kept_bytes);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length);
    await file.truncate(0);
    await file.write(buffer, 0, bytesRead, appends ? 0 : size - bytesRead);
    return true;
  } catch (error) {
    if (errnoOf(error) === null) throw error;
    return false;
  }
}

/** Of `st_blocks` (stat(2)). */
const BLOCK_BYTES = 512;

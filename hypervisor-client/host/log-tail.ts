import { VMM_LIMITS } from '../limits.ts';
import { openPlainFile } from '../../base/plain-file.ts';
import { printable } from '../../base/printable.ts';

/** The end of a log file, at most `most_bytes`; empty when it cannot be read. */
export async function readTail(
  path: string,
  most_bytes: number = VMM_LIMITS.log_tail_bytes,
): Promise<string> {
  try {
    await using file = await openPlainFile(path);
    const { size } = await file.stat();
    const length = Math.min(size, most_bytes);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length);
    return buffer.subarray(0, bytesRead).toString('utf8');
  } catch {
    return '';
  }
}

/** Characters of one quoted line. */
const LINE_CHARS = 200;

/** The last `count` lines that say something, printable, each cut, joined by ` | `. */
export function lastLines(text: string, count: number): string {
  const lines = text.split(/[\n\r]/).map((line) => printable(line.trim(), LINE_CHARS));
  return lines
    .filter((line) => line !== '')
    .slice(-count)
    .join(' | ');
}

/** True when the console of a Linux guest shows that it panicked (kernel/panic.c). */
export function showsPanic(console_text: string): boolean {
  return console_text.includes('Kernel panic - not syncing');
}

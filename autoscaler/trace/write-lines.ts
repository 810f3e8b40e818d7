/** Text of any length into a file that is there whole or not at all. */
import { closeSync, openSync, renameSync, rmSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { writeAllSync } from '../../base/files.ts';

/** So much is put together before it is written. */
const WRITE_CHARACTERS = 1024 * 1024;

/** Throws the system's error, and the reason of `signal`; what was begun is gone then. */
export async function writeLines(
  path: string,
  lines: Iterable<string>,
  signal: AbortSignal,
): Promise<void> {
  const file = new LinesFile(path);
  try {
    let written = 0;
    for (const line of lines) {
      file.add(line);
      written += line.length;
      if (written < WRITE_CHARACTERS) continue;
      written = 0;
      await turn();
      signal.throwIfAborted();
    }
    file.finish();
  } catch (error) {
    file.discard();
    throw error;
  }
}

/** A file that is being written beside its place. */
export class LinesFile {
  readonly #path: string;
  readonly #draft: string;
  #fd: number | null;
  #text = '';

  constructor(path: string) {
    this.#path = path;
    this.#draft = `${path}.new`;
    this.#fd = openSync(this.#draft, 'w');
  }

  add(text: string): void {
    this.#text += text;
    if (this.#text.length >= WRITE_CHARACTERS) this.#flush();
  }

  finish(): void {
    this.#flush();
    this.#close();
    renameSync(this.#draft, this.#path);
  }

  discard(): void {
    this.#close();
    rmSync(this.#draft, { force: true });
  }

  #flush(): void {
    if (this.#fd !== null && this.#text !== '') writeAllSync(this.#fd, this.#text);
    this.#text = '';
  }

  #close(): void {
    if (this.#fd !== null) closeSync(this.#fd);
    this.#fd = null;
  }
}

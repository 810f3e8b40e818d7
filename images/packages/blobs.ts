/** Contents of files while a package is put together: a file each in a scratch folder. */
import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { formatBytes } from '../../base/units.ts';
import { PACKAGE_LIMITS } from './limits.ts';
import { refused } from './refusal.ts';
import type { Content } from './tree.ts';

export class Blobs {
  readonly #dir: string;
  readonly #source: string;
  readonly #limit_bytes: number;
  #count = 0;
  #bytes = 0;

  /** `dir` is there, and empty. */
  constructor(dir: string, source: string, limit_bytes: number = PACKAGE_LIMITS.unpacked_bytes) {
    this.#dir = dir;
    this.#source = source;
    this.#limit_bytes = limit_bytes;
  }

  /** Before anything is written: a size that is told may be any. */
  #reserve(path: string, bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes <= this.#limit_bytes) return;
    const most = `at most ${formatBytes(this.#limit_bytes)} are unpacked`;
    throw refused(this.#source, path, `has ${formatBytes(bytes)}; ${most} in all`);
  }

  /**
   * Keeps what comes; `path` and `bytes` are what the archive says of it. Throws HP_IMAGE_ARCHIVE
   * where there is less, or all together would be too much.
   */
  async keep(path: string, bytes: number, stream: AsyncIterable<unknown>): Promise<Content> {
    this.#reserve(path, bytes);
    const file_path = join(this.#dir, `${this.#count}`);
    this.#count += 1;
    const hash = createHash('sha256');
    let kept_bytes = 0;
    await using file = await open(file_path, 'wx', 0o600);
    for await (const chunk of stream) {
      if (!(chunk instanceof Uint8Array)) throw refused(this.#source, path, 'has no bytes');
      kept_bytes += chunk.byteLength;
      if (kept_bytes > bytes) break;
      hash.update(chunk);
      await file.writeFile(chunk);
    }
    if (kept_bytes === bytes) return { path: file_path, bytes, sha256: hash.digest('hex') };
    throw refused(this.#source, path, `does not have the ${bytes} bytes that it should`);
  }
}

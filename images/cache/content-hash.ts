/** Names of cached results: a hash over everything that goes into them. */
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { writeWhole } from '../../base/files.ts';
import { makeFolder } from '../../base/make-folder.ts';
import { openPlainFile, readPlainFile } from '../../base/plain-file.ts';

const KEY_LENGTH = 24;

/** Short hash of named inputs; order of the names does not matter, their borders do. */
export function contentKey(inputs: Readonly<Record<string, string | Uint8Array>>): string {
  const hash = createHash('sha256');
  for (const name of Object.keys(inputs).toSorted()) {
    const value = Buffer.from(inputs[name] ?? '');
    hash.update(`${JSON.stringify(name)} ${value.byteLength}\n`).update(value);
  }
  return hash.digest('hex').slice(0, KEY_LENGTH);
}

/**
 * SHA-256 of a large file. Remembered in `memo_dir` under the file's size, time and inode, so that
 * a warm start does not read 150 MB again.
 */
export async function hashFile(path: string, memo_dir: string): Promise<string> {
  const info = await stat(path, { bigint: true });
  const memo = join(memo_dir, `${info.dev}-${info.ino}-${info.size}-${info.mtimeNs}.sha256`);
  const known = await readPlainFile(memo).catch(() => '');
  if (/^[0-9a-f]{64}$/.test(known)) return known;
  const hash = createHash('sha256');
  await using file = await openPlainFile(path);
  await pipeline(file.createReadStream({ autoClose: false }), hash);
  const digest = hash.digest('hex');
  await remember(memo, digest);
  return digest;
}

/** A memo is only a shortcut: a cache that may not be written is read without it. */
async function remember(memo: string, digest: string): Promise<void> {
  try {
    await makeFolder(dirname(memo));
    await writeWhole(memo, digest, { durable: false });
  } catch {
    // The next look hashes again.
  }
}

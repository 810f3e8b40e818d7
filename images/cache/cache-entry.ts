/**
 * One finished thing of the cache: a folder with its files and a `manifest.json` that tells the
 * size and hash of each, moved in whole. What does not match its manifest counts as not there.
 */
import { constants } from 'node:fs';
import { access, chmod, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { moveFolderWhole } from '../../base/files.ts';
import { messageOf } from '../../base/errors.ts';
import { makeFolder } from '../../base/make-folder.ts';
import { readPlainFile } from '../../base/plain-file.ts';
import { errnoOf } from '../../base/system-error.ts';
import { hashFile } from './content-hash.ts';

export const MANIFEST_NAME = 'manifest.json';

/** The files of an entry by their path inside it. */
export const filesSchema = z.record(
  z.string(),
  z.object({ bytes: z.number().int().nonnegative(), sha256: z.string().regex(/^[0-9a-f]{64}$/) }),
);
export type EntryFiles = z.infer<typeof filesSchema>;

export type CacheLook<M> =
  | { readonly state: 'ok'; readonly manifest: M }
  | { readonly state: 'absent' }
  /** `reason` reads after "is damaged: ". */
  | { readonly state: 'damaged'; readonly reason: string };

/** Where hashes of files are remembered (see content-hash.ts). */
function hashMemoDir(cache_dir: string): string {
  return join(cache_dir, 'sources', 'hashes');
}

/**
 * Looks at an entry: sizes always, hashes once for each state of a file. Needs no permission to
 * write and no tool.
 */
export async function lookAt<M extends { readonly files: EntryFiles }>(
  dir: string,
  schema: z.ZodType<M>,
  cache_dir: string,
): Promise<CacheLook<M>> {
  let text: string;
  try {
    text = await readPlainFile(join(dir, MANIFEST_NAME));
  } catch (error) {
    const there = await stat(dir).catch(() => null);
    if (there === null && errnoOf(error) !== 'EACCES') return { state: 'absent' };
    return {
      state: 'damaged',
      reason: `${MANIFEST_NAME} cannot be read (${errnoOf(error) ?? messageOf(error)})`,
    };
  }
  const manifest = parseManifest(text, schema);
  if (manifest === null) return { state: 'damaged', reason: `${MANIFEST_NAME} is not understood` };
  const reason = await firstDamage(dir, manifest.files, hashMemoDir(cache_dir));
  return reason === null ? { state: 'ok', manifest } : { state: 'damaged', reason };
}

function parseManifest<M>(text: string, schema: z.ZodType<M>): M | null {
  try {
    return schema.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}

async function firstDamage(
  dir: string,
  files: EntryFiles,
  memo_dir: string,
): Promise<string | null> {
  for (const [name, { bytes, sha256 }] of Object.entries(files)) {
    const path = join(dir, name);
    try {
      const info = await stat(path);
      if (!info.isFile()) return `${name} is no file`;
      if (info.size !== bytes) return `${name} has ${info.size} of ${bytes} bytes`;
      await access(path, constants.R_OK);
      if ((await hashFile(path, memo_dir)) !== sha256) return `${name} has other content`;
    } catch (error) {
      const code = errnoOf(error);
      return code === 'ENOENT' ? `${name} is missing` : `${name} cannot be read (${code})`;
    }
  }
  return null;
}

/** Size and hash of each named file below `dir`. */
export async function describeFiles(
  dir: string,
  names: readonly string[],
  cache_dir: string,
): Promise<EntryFiles> {
  const files: Record<string, EntryFiles[string]> = {};
  for (const name of names) {
    const path = join(dir, name);
    const { size: bytes } = await stat(path);
    files[name] = { bytes, sha256: await hashFile(path, hashMemoDir(cache_dir)) };
  }
  return files;
}

/**
 * Makes an entry: `fill` writes its files and manifest into a scratch folder, which is then moved
 * in whole. A damaged entry gives way; a good one that somebody else put there meanwhile stays.
 */
export async function makeEntry(
  dir: string,
  isGood: () => Promise<boolean>,
  fill: (work: string) => Promise<void>,
): Promise<void> {
  await makeFolder(dirname(dir));
  const work = await mkdtemp(join(dirname(dir), `.new-${basename(dir)}-`));
  try {
    await chmod(work, 0o755);
    await fill(work);
    await moveFolderWhole(work, dir).catch(async (error: unknown) => {
      if (!['ENOTEMPTY', 'EEXIST', 'ENOTDIR'].includes(errnoOf(error) ?? '')) throw error;
      if (await isGood()) return;
      await setAside(dir);
      await moveFolderWhole(work, dir);
    });
  } finally {
    await removeTree(work);
  }
}

/** Takes a damaged file or folder out of the way in one step, then removes it. */
export async function setAside(path: string): Promise<void> {
  const aside = join(dirname(path), `.damaged-${randomUUID()}`);
  await rename(path, aside);
  await removeTree(aside);
}

/** Removes a tree, also where a folder in it lost its permissions. */
async function removeTree(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch (error) {
    if (errnoOf(error) !== 'EACCES') throw error;
    await chmod(path, 0o700);
    for (const entry of await readdir(path, { recursive: true, withFileTypes: true })) {
      if (entry.isDirectory()) await chmod(join(entry.parentPath, entry.name), 0o700);
    }
    await rm(path, { recursive: true, force: true });
  }
}

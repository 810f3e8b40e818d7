/**
 * Files and folders that are there whole or not at all, whoever else writes the same at once and
 * whenever the power goes: written beside, synced, renamed, and the rename synced as well.
 */
import { Buffer } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import { closeSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs';
import { writeFileSync, writeSync } from 'node:fs';
import { open, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeFolder } from './make-folder.ts';
import { errnoOf } from './system-error.ts';

export interface WriteWholeOptions {
  /** Permission bits of a new file. Default: 0o666 less the umask. */
  readonly mode?: number;
  /**
   * False: readers still see the old or the new file, but a power cut may lose it. For what a
   * reboot makes worthless anyway. Default: true.
   */
  readonly durable?: boolean;
}

/** Writes `path`, in a folder that is there. Leaves no draft behind when it throws. */
export async function writeWhole(
  path: string,
  content: string | Uint8Array,
  options: WriteWholeOptions = {},
): Promise<void> {
  const draft = draftOf(path);
  try {
    const file = await open(draft, 'wx', options.mode ?? 0o666);
    try {
      await file.writeFile(content);
      if (options.durable !== false) await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
  if (options.durable !== false) await syncFolder(dirname(path));
}

/** All of it: write(2) takes a part where a disk becomes full, and says so the next time only. */
export function writeAllSync(fd: number, content: string | Uint8Array): void {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
}

/** As {@link writeWhole}, for callers that must not yield between two writes. */
export function writeWholeSync(
  path: string,
  content: string | Uint8Array,
  options: WriteWholeOptions = {},
): void {
  const draft = draftOf(path);
  try {
    const fd = openSync(draft, 'wx', options.mode ?? 0o666);
    try {
      writeFileSync(fd, content);
      if (options.durable !== false) fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(draft, path);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
  if (options.durable !== false) syncFolderSync(dirname(path));
}

/**
 * Renames the folder `from` to `to`, with all its files on the disk before and the rename after.
 * Throws ENOTEMPTY or EEXIST when something is at `to`. For small folders: every file is synced.
 */
export async function moveFolderWhole(from: string, to: string): Promise<void> {
  const entries = await readdir(from, { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile()) await syncFile(path);
    else if (entry.isDirectory()) await syncFolder(path);
  }
  await syncFolder(from);
  await makeFolder(dirname(to));
  await rename(from, to);
  await syncFolder(dirname(to));
}

/** Brings the names in a folder to the disk: a new or renamed file survives a power cut. */
async function syncFolder(path: string): Promise<void> {
  await syncFile(path);
}

async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.sync();
  } catch (error) {
    if (!isUnsupported(error)) throw error;
  } finally {
    await file.close();
  }
}

function syncFolderSync(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } catch (error) {
    if (!isUnsupported(error)) throw error;
  } finally {
    closeSync(fd);
  }
}

/** Some network and FUSE file systems cannot sync a folder; there is nothing better to do there. */
function isUnsupported(error: unknown): boolean {
  return ['EINVAL', 'ENOTSUP'].includes(errnoOf(error) ?? '');
}

function draftOf(path: string): string {
  return `${path}.${randomUUID()}.new`;
}

/** Names in a folder; none only where there is no folder, and what else is wrong is thrown. */
export async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}

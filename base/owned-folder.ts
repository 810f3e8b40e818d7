/**
 * Private folders below the place of sockets: each is held by a lock for its owner's whole life, so
 * that whoever comes later can tell a folder in use from one whose owner was killed.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { tryLockFile } from './file-lock.ts';
import { ensureSafeFolder } from './safe-path.ts';

/** The lock in each of them; a folder without one is not touched by anybody but its owner. */
export const OWNER_FILE = 'owner';

export interface OwnedFolder {
  readonly path: string;
  /** Removes it with everything in it. */
  remove(): Promise<void>;
  /** Gives it up as it is. */
  leave(): Promise<void>;
}

/** Makes the folder where it is missing and takes it; null when somebody else has it. */
export async function ownFolder(path: string): Promise<OwnedFolder | null> {
  await ensureSafeFolder(path);
  const lock = await tryLockFile(join(path, OWNER_FILE), `${process.pid}\n`);
  if (typeof lock === 'string') return null;
  return {
    path,
    remove: async () => {
      await rm(path, { recursive: true, force: true });
      await lock.release();
    },
    leave: () => lock.release(),
  };
}

/**
 * Private folders below the place of sockets: each is held by a lock for its owner's whole life, so
 * that whoever comes later can tell a folder in use from one whose owner was killed.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { baseError } from './codes.ts';
import { tryLockFile } from './file-lock.ts';
import { ensureSafeFolder } from './safe-path.ts';
import { errnoOf } from './system-error.ts';

/** The lock in each of them; a folder without one is not touched by anybody but its owner. */
export const OWNER_FILE = 'owner';

/** Whose they are, as their names begin: a replay's agent, a bench, a check of a kernel series. */
const KINDS = ['r', 'bench', 'kernel'] as const;
const NAME = new RegExp(`^(${KINDS.join('|')})-`);

/** Whoever looks for folders of the dead may take a new one in the moment before us. */
const ATTEMPTS = 3;

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

/** Whether a folder of this name may be one of {@link newOwnedFolder}. */
export const isOwnedName = (name: string): boolean => NAME.test(name);

/**
 * A new folder below `parent_dir`, which is made where it is missing. Throws HP_LOCK_FAILED when
 * others took it again and again.
 */
export async function newOwnedFolder(
  parent_dir: string,
  kind: (typeof KINDS)[number],
): Promise<OwnedFolder> {
  await ensureSafeFolder(parent_dir);
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    const path = await mkdtemp(join(parent_dir, `${kind}-`));
    const owned = await ownFolder(path).catch((error: unknown) => {
      if (errnoOf(error) === 'ENOENT') return null;
      throw error;
    });
    if (owned) return owned;
  }
  throw baseError('HP_LOCK_FAILED', `new folders in ${parent_dir} are taken again and again.`);
}

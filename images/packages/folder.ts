/** A folder of somebody's program as a layer: its files are root's, whoever owns them here. */
import { lstat, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { openPlainFile } from '../../base/plain-file.ts';
import type { Blobs } from './blobs.ts';
import { refused } from './refusal.ts';
import type { ImageTree } from './tree.ts';

/** What is of the author's tools and not of the program. */
const LEFT_OUT: ReadonlySet<string> = new Set(['.git', '__pycache__', 'function.yaml']);

const ROOT = { uid: 0, gid: 0 };

/**
 * Adds all of `dir` below `at` in the tree. Modes become 755 and 644, so that the same program is
 * the same package on every host. Throws HP_IMAGE_ARCHIVE for devices, sockets and pipes.
 */
export async function addFolder(
  tree: ImageTree,
  blobs: Blobs,
  { dir, at }: { readonly dir: string; readonly at: string },
): Promise<void> {
  tree.addFolder(at, { mode: 0o755, ...ROOT }, 'follow');
  const names = (await readdir(dir)).filter((name) => !LEFT_OUT.has(name)).toSorted();
  for (const name of names) {
    const path = join(dir, name);
    const inside = at === '' ? name : `${at}/${name}`;
    const info = await lstat(path);
    if (info.isDirectory()) await addFolder(tree, blobs, { dir: path, at: inside });
    else if (info.isSymbolicLink()) {
      tree.addLink(inside, { mode: 0o777, ...ROOT }, await readlink(path));
    } else if (info.isFile()) {
      await using file = await openPlainFile(path);
      const { size } = await file.stat();
      const bytes = file.createReadStream({ autoClose: false });
      const mode = (info.mode & 0o100) === 0 ? 0o644 : 0o755;
      tree.addFile(inside, { mode, ...ROOT }, await blobs.keep(path, size, bytes));
    } else throw refused(dir, name, 'is neither a file nor a folder nor a link');
  }
}

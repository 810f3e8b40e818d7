/**
 * An erofs file system of a tree: the same bytes for the same tree, whoever makes it. mkfs.erofs
 * reads a folder, and only root can give files away, so the folder has the contents and fakeroot
 * tells mkfs.erofs the owners and modes that they are to have.
 */
import { chmod, link, lstat, mkdir, rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { toolEnvironment } from '../../base/tool-environment.ts';
import { imageError } from '../errors.ts';
import { run } from '../run.ts';
import type { Attributes, FileNode, FolderNode, TreeNode } from './tree.ts';

/** Of every image: what tells them apart is their content key. */
const IMAGE_UUID = '00000000-0000-0000-0000-000000000000';

/** Name and version, as `mkfs.erofs` tells them. Throws HP_IMAGE_TOOL_MISSING. */
export async function erofsVersion(): Promise<string> {
  const options = { env: toolEnvironment(), extendEnv: false, reject: false, all: true } as const;
  const { all, failed, exitCode } = await execa('mkfs.erofs', ['-d0', '--help'], options);
  // Its options changed from version to version, and it has none that only tells the version.
  if (failed && exitCode === undefined) {
    throw imageError('HP_IMAGE_TOOL_MISSING', 'The build tool mkfs.erofs is not installed.', {
      next: 'Install the tools for packages: apt-get install erofs-utils fakeroot.',
    });
  }
  return /^mkfs\.erofs \S+/m.exec(all)?.[0] ?? '';
}

export interface ErofsOptions {
  readonly root: FolderNode;
  /** A folder for the tree, which is made; on the file system of its contents. */
  readonly tree_dir: string;
  readonly image_path: string;
  readonly log_path: string;
  /** Adds files of its own to the folder before the image is made of it; root owns them. */
  readonly complete?: ((tree_dir: string) => Promise<void>) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Makes the image; the contents of the tree are moved away. Throws HP_IMAGE_*. */
export async function makeErofs(options: ErofsOptions): Promise<void> {
  const { root, tree_dir, image_path, log_path, complete, signal } = options;
  const owners = `${tree_dir}.owners`;
  const places = new Places();
  await places.folder(root, tree_dir);
  await complete?.(tree_dir);
  await writeFile(owners, `${(await places.owners()).join('\n')}\n`);
  const mkfs = ['mkfs.erofs', '--quiet', '-x-1', '-T0', '-U', IMAGE_UUID, image_path, tree_dir];
  const command = ['fakeroot', '-i', owners, '--', ...mkfs];
  await run(command, { cwd: tree_dir, log_path, ...(signal ? { signal } : {}) });
}

/** Files below this many are looked at at once. */
const LOOKS_AT_ONCE = 256;

class Places {
  /** Inode -> where it first lies. */
  readonly #inodes = new Map<TreeNode, string>();

  async folder(node: FolderNode, path: string): Promise<void> {
    await mkdir(path, { mode: 0o700 });
    this.#inodes.set(node, path);
    const names = [...node.children.keys()].toSorted();
    for (const name of names) {
      const child = node.children.get(name);
      const child_path = join(path, name);
      if (child?.type === 'folder') await this.folder(child, child_path);
      else if (child?.type === 'file') await this.#file(child, child_path);
      else if (child) {
        await symlink(child.target, child_path);
        this.#inodes.set(child, child_path);
      }
    }
  }

  async #file(node: FileNode, path: string): Promise<void> {
    const first = this.#inodes.get(node);
    if (first !== undefined) return await link(first, path);
    await rename(node.content.path, path);
    // What is to be run while the image is completed must be executable on this host as well.
    if ((node.attributes.mode & 0o111) !== 0) await chmod(path, 0o700);
    this.#inodes.set(node, path);
  }

  /** One line for each inode, as `fakeroot -i` reads it. */
  async owners(): Promise<readonly string[]> {
    const all = [...this.#inodes];
    const lines: string[] = [];
    for (let from = 0; from < all.length; from += LOOKS_AT_ONCE) {
      const some = all.slice(from, from + LOOKS_AT_ONCE);
      lines.push(
        ...(await Promise.all(some.map(async ([node, path]) => await ownerLine(node, path)))),
      );
    }
    return lines;
  }
}

async function ownerLine(
  { attributes }: { attributes: Attributes },
  path: string,
): Promise<string> {
  const info = await lstat(path);
  const format = info.mode & ~0o7777;
  const mode = (format | attributes.mode).toString(8);
  const { uid, gid } = attributes;
  const { dev, ino, nlink } = info;
  return `dev=${dev.toString(16)},ino=${ino},mode=${mode},uid=${uid},gid=${gid},nlink=${nlink},rdev=0`;
}

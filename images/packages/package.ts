/** A finished package of the cache: `packages/KEY/` with its erofs image and manifest. */
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { jsonDocument } from '../../base/json.ts';
import { makeFolder } from '../../base/make-folder.ts';
import {
  describeFiles,
  filesSchema,
  lookAt,
  makeEntry,
  MANIFEST_NAME,
} from '../cache/cache-entry.ts';
import { contentKey } from '../cache/content-hash.ts';
import { notBuilt } from '../errors.ts';
import { Blobs } from './blobs.ts';
import { erofsVersion, makeErofs } from './erofs.ts';
import { type FolderNode, folderNode, ImageTree, ROOT_FOLDER, type TreeNode } from './tree.ts';

/** Changes whenever the same tree would become other bytes. */
const FORMAT = '1';
const IMAGE_NAME = 'image.erofs';

const count = z.number().int().nonnegative();
const contentSchema = z.object({
  files: count,
  folders: count,
  links: count,
  /** Of all files, hard links counted once. */
  bytes: count,
});
export type PackageContent = Readonly<z.infer<typeof contentSchema>>;

const manifestSchema = z.object({
  schema_version: z.literal(1),
  key: z.string(),
  content: contentSchema,
  files: filesSchema,
});

export interface Package {
  /** Content key: of the tree, its owners and modes included, and of what made the image. */
  readonly key: string;
  readonly image_path: string;
  readonly image_bytes: number;
  readonly content: PackageContent;
}

export interface PackageOptions {
  readonly cache_dir: string;
  /** Named in messages. */
  readonly source: string;
  readonly signal?: AbortSignal | undefined;
  /** Bytes that may be unpacked. Default: PACKAGE_LIMITS. */
  readonly limit_bytes?: number;
  /** Work on the folder before the image is made of it, which its name alone goes into the key. */
  readonly complete?: { readonly name: string; readonly run: (dir: string) => Promise<void> };
}

const packageDir = (cache_dir: string, key: string): string => join(cache_dir, 'packages', key);

/** The package of that key; throws HP_IMAGE_NOT_BUILT when it is not there or damaged. */
export async function findPackage(cache_dir: string, key: string): Promise<Package> {
  const dir = packageDir(cache_dir, key);
  const look = await lookAt(dir, manifestSchema, cache_dir);
  if (look.state !== 'ok') {
    const damage = look.state === 'damaged' ? look.reason : null;
    throw notBuilt(`package ${key}`, dir, damage);
  }
  const { content, files } = look.manifest;
  const image_bytes = files[IMAGE_NAME]?.bytes ?? 0;
  return { key, image_path: join(dir, IMAGE_NAME), image_bytes, content };
}

/**
 * Puts a tree together with `fill` and makes a package of it, or finds the one of the same content.
 * What `fill` told comes back beside. Throws HP_IMAGE_*; nothing of it is left then.
 */
export async function makePackage<T>(
  options: PackageOptions,
  fill: (tree: ImageTree, blobs: Blobs, scratch_dir: string) => Promise<T>,
): Promise<{ readonly made: Package; readonly told: T }> {
  const { cache_dir, source, complete, signal, limit_bytes } = options;
  const parent = join(cache_dir, 'packages');
  const version = await erofsVersion();
  await makeFolder(parent);
  const scratch = await mkdtemp(join(parent, '.reading-'));
  try {
    const blobs_dir = join(scratch, 'blobs');
    await mkdir(blobs_dir);
    const tree = new ImageTree(source);
    const told = await fill(tree, new Blobs(blobs_dir, source, limit_bytes), scratch);
    addMountPoints(tree);
    const [listing, content] = describeTree(tree.root);
    const key = contentKey({ format: FORMAT, version, complete: complete?.name ?? '', listing });
    const isGood = async (): Promise<boolean> =>
      (await lookAt(packageDir(cache_dir, key), manifestSchema, cache_dir)).state === 'ok';
    if (!(await isGood())) {
      const image_path = join(scratch, IMAGE_NAME);
      const log_path = join(parent, 'packages.log');
      const tree_dir = join(scratch, 'tree');
      const { root } = tree;
      await makeErofs({ root, tree_dir, image_path, log_path, complete: complete?.run, signal });
      await makeEntry(packageDir(cache_dir, key), isGood, async (work) => {
        await rename(image_path, join(work, IMAGE_NAME));
        const files = await describeFiles(work, [IMAGE_NAME], cache_dir);
        const manifest: z.infer<typeof manifestSchema> = { schema_version: 1, key, content, files };
        await writeFile(join(work, MANIFEST_NAME), jsonDocument(manifest));
      });
    }
    return { made: await findPackage(cache_dir, key), told };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Folders that a sandbox mounts on; a package that has none of them gets them. */
const MOUNT_POINTS = ['dev', 'etc', 'proc', 'run', 'sys', 'tmp'] as const;

function addMountPoints({ root }: ImageTree): void {
  for (const name of MOUNT_POINTS) {
    if (root.children.has(name)) continue;
    const mode = name === 'tmp' ? 0o1777 : 0o755;
    root.children.set(name, folderNode({ ...ROOT_FOLDER, mode }));
  }
}

/** A hash of everything that the image will hold, and what it is in numbers. Pure. */
function describeTree(root: FolderNode): [string, PackageContent] {
  const hash = createHash('sha256');
  const inodes = new Map<TreeNode, string>();
  const content = { files: 0, folders: 0, links: 0, bytes: 0 };
  const visit = (node: TreeNode, path: string): void => {
    const { mode, uid, gid } = node.attributes;
    const first = inodes.get(node);
    const what = first === undefined ? contentOf(node) : { same_as: first };
    hash.update(`${JSON.stringify([path, node.type, mode, uid, gid, what])}\n`);
    if (first === undefined) inodes.set(node, path);
    if (node.type === 'link') content.links += 1;
    if (node.type === 'file') {
      content.files += 1;
      content.bytes += first === undefined ? node.content.bytes : 0;
    }
    if (node.type !== 'folder') return;
    content.folders += 1;
    for (const name of [...node.children.keys()].toSorted()) {
      const child = node.children.get(name);
      if (child) visit(child, `${path}/${name}`);
    }
  };
  visit(root, '');
  return [hash.digest('hex'), content];
}

function contentOf(node: TreeNode): string {
  if (node.type === 'file') return node.content.sha256;
  return node.type === 'link' ? node.target : '';
}

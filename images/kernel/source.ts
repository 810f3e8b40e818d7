/** Where a kernel's source comes from, and a clean copy of it to build in. */
import { createHash } from 'node:crypto';
import { lstat, mkdtemp, readdir, readlink, rename, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { writeWhole } from '../../base/files.ts';
import { makeFolder } from '../../base/make-folder.ts';
import { readPlainFile } from '../../base/plain-file.ts';
import { bootId } from '../cache/boot-id.ts';
import { setAside } from '../cache/cache-entry.ts';
import { contentKey, hashFile } from '../cache/content-hash.ts';
import { imageError } from '../errors.ts';
import { KERNEL_LINE, kernelVersion } from './version.ts';
import type { Lock } from '../cache/lock.ts';
import { run } from '../run.ts';

/** What Debian's package `linux-source-6.12` installs. */
const DEBIAN_TARBALL = '/usr/src/linux-source-6.12.tar.xz';

export interface KernelSource {
  readonly kind: 'tarball' | 'tree';
  readonly path: string;
  /** Says which content it is; part of the key of every kernel built from it. */
  readonly identity: string;
}

export interface SourceContext {
  readonly cache_dir: string;
  readonly log_path: string;
  readonly lock: Lock;
  readonly signal?: AbortSignal | undefined;
}

/** Finds the source and identifies its content. Checks the version of a given tree. */
export async function findKernelSource(
  kernel_tree: string | undefined,
  cache_dir: string,
  tarball: string = DEBIAN_TARBALL,
): Promise<KernelSource> {
  if (kernel_tree !== undefined) {
    const path = resolve(kernel_tree);
    await kernelVersion(path);
    return { kind: 'tree', path, identity: await fingerprintTree(path) };
  }
  if (!(await stat(tarball).catch(() => null))) {
    throw imageError('HP_IMAGE_KERNEL_SOURCE', `${tarball} is missing.`, {
      next:
        `Install it (apt-get install linux-source-${KERNEL_LINE}) or name an unpacked ` +
        `Linux ${KERNEL_LINE} with --kernel-tree DIR.`,
    });
  }
  const identity = await hashFile(tarball, join(cache_dir, 'sources', 'hashes'));
  return { kind: 'tarball', path: tarball, identity };
}

/**
 * Makes `target` a private copy of the source. Source files of an unpacked tarball are hard links:
 * neither patch nor make writes into a file that exists, they replace it.
 */
export async function copySource(
  source: KernelSource,
  target: string,
  context: SourceContext,
): Promise<void> {
  await rm(target, { recursive: true, force: true });
  const options = { cwd: '/', ...toolOptions(context) };
  if (source.kind === 'tarball') {
    const pristine = await unpackTarball(source, context);
    await run(['cp', '-al', pristine, target], options);
    return;
  }
  await run(['cp', '-a', '--reflink=auto', source.path, target], options);
  await run(['make', 'mrproper'], { ...options, cwd: target });
}

/**
 * Unpacked once per content and run of the machine: 1.4 GB are not synced, so that after a restart
 * nobody knows what of them is on the disk. The lock of all source work is held by the caller.
 */
async function unpackTarball(source: KernelSource, context: SourceContext): Promise<string> {
  const sources = join(context.cache_dir, 'sources');
  const pristine = join(sources, source.identity.slice(0, 24));
  const record = `${pristine}.json`;
  if (await isWhole(pristine, record)) return pristine;
  await makeFolder(sources);
  await removeLeft(sources, pristine);
  const work = await mkdtemp(join(sources, UNPACK_PREFIX));
  try {
    const command = ['tar', '--extract', '--file', source.path, '--strip-components=1'];
    await run(command, { cwd: work, ...toolOptions(context) });
    await kernelVersion(work);
    await writeWhole(record, JSON.stringify(await recordOf(work)));
    await rename(work, pristine);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return pristine;
}

const UNPACK_PREFIX = '.unpack-';

interface UnpackRecord {
  readonly boot_id: string;
  readonly entries: number;
}

async function recordOf(tree: string): Promise<UnpackRecord> {
  const names = await readdir(tree, { recursive: true });
  return { boot_id: await bootId(), entries: names.length };
}

async function isWhole(tree: string, record: string): Promise<boolean> {
  const known = await readPlainFile(record).catch(() => null);
  if (known === null || !(await stat(tree).catch(() => null))) return false;
  return known === JSON.stringify(await recordOf(tree));
}

/** What is no longer whole, and what unpacking that was killed left behind. */
async function removeLeft(sources: string, pristine: string): Promise<void> {
  if (await stat(pristine).catch(() => null)) await setAside(pristine);
  const names: string[] = await readdir(sources);
  for (const name of names.filter((one) => one.startsWith(UNPACK_PREFIX))) {
    await rm(join(sources, name), { recursive: true, force: true });
  }
}

function toolOptions(context: SourceContext): {
  log_path: string;
  lock_fd: number;
  signal?: AbortSignal | undefined;
} {
  const { log_path, lock, signal } = context;
  return { log_path, lock_fd: lock.fd, signal };
}

/** Names, sizes and times of a tree: reading 1.4 GB on every start would take too long. */
async function fingerprintTree(tree: string): Promise<string> {
  const hash = createHash('sha256');
  const visit = async (folder: string): Promise<void> => {
    const entries = await readdir(join(tree, folder), { withFileTypes: true });
    for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = join(folder, entry.name);
      if (path === '.git') continue;
      if (entry.isDirectory()) {
        await visit(path);
      } else if (entry.isSymbolicLink()) {
        hash.update(`${path} -> ${await readlink(join(tree, path))}\n`);
      } else {
        const info = await lstat(join(tree, path), { bigint: true });
        hash.update(`${path} ${info.size} ${info.mtimeNs}\n`);
      }
    }
  };
  await visit('');
  return contentKey({ tree, files: hash.digest('hex') });
}

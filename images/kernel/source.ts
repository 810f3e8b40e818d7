/** Where a kernel's source comes from, and a clean copy of it to build in. */
import { createHash } from 'node:crypto';
import { lstat, mkdtemp, readdir, readlink, realpath, rename, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { execa } from 'execa';
import { writeWhole } from '../../base/files.ts';
import { makeFolder } from '../../base/make-folder.ts';
import { readPlainFile } from '../../base/plain-file.ts';
import { toolEnvironment } from '../../base/tool-environment.ts';
import { bootId } from '../cache/boot-id.ts';
import { setAside } from '../cache/cache-entry.ts';
import { contentKey, hashFile } from '../cache/content-hash.ts';
import { imageError } from '../errors.ts';
import { KERNEL_LINE, kernelVersion, readKernelVersion } from './version.ts';
import type { Lock } from '../cache/lock.ts';
import { run } from '../run.ts';

/** What Debian's package `linux-source-6.12` installs. */
const DEBIAN_TARBALL = '/usr/src/linux-source-6.12.tar.xz';

export interface KernelSource {
  readonly kind: 'tarball' | 'tree';
  readonly path: string;
  /** Says which content it is; part of the key of every kernel built from it. */
  readonly identity: string;
  /**
   * The commit of a tree under git that is taken as committed; null or absent: as it lies there.
   */
  readonly commit?: string | null;
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
 * Finds a source of any line of Linux: a folder or a tarball. A tree under git without changes is
 * known by the content of its commit, wherever and whenever it was checked out; another as it lies
 * there; one with all names, sizes and times of Debian's tarball is taken for that. Throws
 * HP_IMAGE_KERNEL_SOURCE when it is no kernel's.
 */
export async function findGivenSource(
  given: string,
  cache_dir: string,
  tarball: string = DEBIAN_TARBALL,
): Promise<KernelSource> {
  const path = resolve(given);
  const info = await stat(path).catch(() => null);
  if (info?.isFile()) {
    const identity = await hashFile(path, join(cache_dir, 'sources', 'hashes'));
    return { kind: 'tarball', path, identity };
  }
  if (info === null || (await readKernelVersion(path)) === null) throw noKernel(path, info);
  const committed = await committedTree(path);
  if (committed !== null) {
    const { commit, content } = committed;
    return { kind: 'tree', path, identity: contentKey({ git_tree: content }), commit };
  }
  const files = await fingerprintFiles(path);
  return (
    (await asTarball(files, cache_dir, tarball)) ?? {
      kind: 'tree',
      path,
      identity: contentKey({ tree: path, files }),
    }
  );
}

function noKernel(path: string, info: unknown): Error {
  const what = info === null ? 'is not there' : 'has a Makefile without a Linux version';
  return imageError('HP_IMAGE_KERNEL_SOURCE', `${path} ${what}.`, {
    next: 'Name the top folder of a Linux source, or a tarball of one.',
  });
}

const GIT_MS = 60_000;

/** Commit and content of a tree under git of which nothing was changed; else null. */
async function committedTree(
  tree: string,
): Promise<{ readonly commit: string; readonly content: string } | null> {
  const ask = async (...words: readonly string[]): Promise<string> => {
    const [program = '', ...rest] = [...gitCommand(tree), ...words];
    const env = toolEnvironment({ GIT_OPTIONAL_LOCKS: '0' });
    return (await execa(program, rest, { env, extendEnv: false, timeout: GIT_MS })).stdout;
  };
  try {
    if (resolve(await ask('rev-parse', '--show-toplevel')) !== (await realpath(tree))) return null;
    const changed = await ask('status', '--porcelain', '--untracked-files=no');
    if (changed !== '') return null;
    return {
      commit: await ask('rev-parse', 'HEAD'),
      content: await ask('rev-parse', 'HEAD^{tree}'),
    };
  } catch {
    return null;
  }
}

/**
 * The tarball, when a tree was unpacked from it: only known while it lies unpacked in the cache.
 */
async function asTarball(
  files: string,
  cache_dir: string,
  tarball: string,
): Promise<KernelSource | null> {
  if (!(await stat(tarball).catch(() => null))) return null;
  const identity = await hashFile(tarball, join(cache_dir, 'sources', 'hashes'));
  const pristine = pristineOf(cache_dir, identity);
  if (!(await isWhole(pristine, `${pristine}.json`))) return null;
  if ((await fingerprintFiles(pristine)) !== files) return null;
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
  if (source.kind === 'tarball' || source.commit) {
    const pristine = await unpackPristine(source, context);
    await run(['cp', '-al', pristine, target], options);
    return;
  }
  await run(['cp', '-a', '--reflink=auto', source.path, target], options);
  await run(['make', 'mrproper'], { ...options, cwd: target });
}

/** Where a source that is unpacked once lies. */
const pristineOf = (cache_dir: string, identity: string): string =>
  join(cache_dir, 'sources', identity.slice(0, 24));

/**
 * Unpacked once per content and run of the machine: 1.4 GB are not synced, so that after a restart
 * nobody knows what of them is on the disk. The lock of all source work is held by the caller.
 */
async function unpackPristine(source: KernelSource, context: SourceContext): Promise<string> {
  const sources = join(context.cache_dir, 'sources');
  const pristine = pristineOf(context.cache_dir, source.identity);
  const record = `${pristine}.json`;
  if (await isWhole(pristine, record)) return pristine;
  await makeFolder(sources);
  await removeLeft(sources, pristine);
  const work = await mkdtemp(join(sources, UNPACK_PREFIX));
  try {
    await unpackInto(work, source, context);
    await readKernelVersion(work);
    await writeWhole(record, JSON.stringify(await recordOf(work)));
    await rename(work, pristine);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return pristine;
}

async function unpackInto(
  work: string,
  source: KernelSource,
  context: SourceContext,
): Promise<void> {
  const options = { cwd: work, ...toolOptions(context) };
  if (source.kind === 'tarball') {
    const command = ['tar', '--extract', '--file', source.path, '--strip-components=1'];
    return await run(command, options);
  }
  // An index of our own: nothing is written into the repository.
  const env = { GIT_INDEX_FILE: `${work}.index` };
  const git = gitCommand(source.path);
  try {
    await run([...git, 'read-tree', source.commit ?? 'HEAD'], { ...options, env });
    await run([...git, 'checkout-index', '--all', `--prefix=${work}/`], { ...options, env });
  } finally {
    await rm(`${work}.index`, { force: true });
  }
}

/** Git on a repository of whoever it is; what it would start there by itself is off. */
function gitCommand(tree: string): readonly string[] {
  const settings = ['safe.directory=*', 'core.fsmonitor=false', 'core.hooksPath=/dev/null'];
  return ['git', ...settings.flatMap((one) => ['-c', one]), '-C', tree];
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

async function fingerprintTree(tree: string): Promise<string> {
  return contentKey({ tree, files: await fingerprintFiles(tree) });
}

/** Names, sizes and times of a tree: reading 1.4 GB on every start would take too long. */
async function fingerprintFiles(tree: string): Promise<string> {
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
  return hash.digest('hex');
}

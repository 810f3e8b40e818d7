/** Guest kernels and root file systems, built once and kept by their content. */
import { dirname, join } from 'node:path';
import { type HotplaneError, isHotplaneError } from '../base/errors.ts';
import { DEFAULT_ARCH, type GuestArch } from '../base/guest-arch.ts';
import { cacheDir } from '../base/paths.ts';
import { type Progress, silentProgress } from '../base/progress.ts';
import { translated } from '../base/system-error.ts';
import { compilerVersion } from './rootfs/compiler.ts';
import { type ImageErrorCode, notBuilt } from './errors.ts';
import { ensureKernel } from './kernel/build.ts';
import { findByParts } from './kernel/lookup.ts';
import { type BuiltKernel, type KernelManifest, lookAtKernel } from './kernel/manifest.ts';
import { kernelLabel, kernelParts, type KernelVariant, recipeOf } from './kernel/recipe.ts';
import { findKernelSource } from './kernel/source.ts';
import { ensureRootfs, isRootfsThere } from './rootfs/rootfs.ts';
import { SELFTEST_NAME } from './kernel/selftest.ts';

export { guestKernelArguments } from './kernel/arguments.ts';
export type { KernelVariant } from './kernel/recipe.ts';

/** Path of the selftest program inside the guest, when {@link Guest.manifest} says `selftest`. */
export const SELFTEST_GUEST_PATH = `/bin/${SELFTEST_NAME}`;

export interface EnsureGuestOptions {
  readonly variant: KernelVariant;
  /** Of kernel and programs. Default: x86-64. */
  readonly arch?: GuestArch;
  /** An unpacked Linux 6.12 instead of Debian's `linux-source-6.12`. */
  readonly kernel_tree?: string;
  /**
   * False: take it from the cache or throw HP_IMAGE_NOT_BUILT, which names what is missing and the
   * command that builds it. Default: true.
   */
  readonly build?: boolean;
  readonly progress?: Progress;
  readonly signal?: AbortSignal | undefined;
  /** Absolute. Default: base/paths.ts. */
  readonly cache_dir?: string;
}

export interface Guest {
  readonly kernel_path: string;
  readonly initrd_path: string;
  readonly kernel_version: string;
  readonly manifest: KernelManifest;
  /** Content key of the root file system. */
  readonly rootfs_key: string;
}

/**
 * A bootable guest: from the cache in a moment, else built (minutes). Safe to call from several
 * processes at once. Throws HotplaneError HP_IMAGE_*; what was built so far is kept and resumed.
 */
export async function ensureGuest(options: EnsureGuestOptions): Promise<Guest> {
  const cache_dir = options.cache_dir ?? cacheDir();
  const build = options.build ?? true;
  const signal = options.signal ? { signal: options.signal } : {};
  try {
    const kernel = await ensureKernelOf(options, cache_dir);
    const rootfs = await ensureRootfs({
      cache_dir,
      build,
      arch: kernel.manifest.arch,
      ...signal,
      ...(kernel.selftest_path
        ? { extra_programs: { [`bin/${SELFTEST_NAME}`]: kernel.selftest_path } }
        : {}),
    });
    return {
      kernel_path: kernel.kernel_path,
      initrd_path: rootfs.initrd_path,
      kernel_version: kernel.manifest.kernel_version,
      manifest: kernel.manifest,
      rootfs_key: rootfs.key,
    };
  } catch (error) {
    throw isHotplaneError(error) ? error : unexpected(error);
  }
}

/**
 * The kernel by its key where source and compiler are there; else one that was finished of the same
 * parts, so that a host needs neither to use what it has.
 */
async function ensureKernelOf(
  options: EnsureGuestOptions,
  cache_dir: string,
): Promise<BuiltKernel> {
  const { variant, arch = DEFAULT_ARCH, kernel_tree, build = true } = options;
  const label = `kernel ${kernelLabel(arch, variant)}`;
  const progress = options.progress ?? silentProgress;
  const parts = await kernelParts(variant, undefined, arch);
  const source = await orMissing(findKernelSource(kernel_tree, cache_dir));
  const compiler = await orMissing(compilerVersion(arch));
  let missing = source.missing ?? compiler.missing;
  if (kernel_tree !== undefined && source.missing) throw source.missing;
  if (source.missing === null && compiler.missing === null) {
    const recipe = recipeOf(parts, source.value, compiler.value);
    const signal = options.signal ? { signal: options.signal } : {};
    const kernel_options = { cache_dir, build, progress, ...signal };
    const exact = await orMissing(ensureKernel(source.value, recipe, kernel_options));
    if (exact.missing === null) return exact.value;
    missing = exact.missing;
  }
  const found = await findByParts(cache_dir, parts, {
    source_kind: kernel_tree === undefined ? 'tarball' : 'tree',
    source_identity: kernel_tree === undefined ? null : (source.value?.identity ?? null),
  });
  if (found === null) {
    if (build || missing?.code === 'HP_IMAGE_NOT_BUILT') throw missing;
    throw notBuilt(label, join(cache_dir, 'kernels'));
  }
  const { release, compiler: built_by } = found.manifest;
  progress.done(`${label}: ${release}, built by ${built_by}; ${missing?.message ?? ''}`);
  return found;
}

/** What is not on this host is no reason to give up before the cache was asked. */
const MISSING: readonly string[] = [
  'HP_IMAGE_KERNEL_SOURCE',
  'HP_IMAGE_TOOL_MISSING',
  'HP_IMAGE_NOT_BUILT',
] satisfies readonly ImageErrorCode[];

type OrMissing<T> =
  | { readonly value: T; readonly missing: null }
  | { readonly value: null; readonly missing: HotplaneError };

async function orMissing<T>(wanted: Promise<T>): Promise<OrMissing<T>> {
  try {
    return { value: await wanted, missing: null };
  } catch (error) {
    if (!isHotplaneError(error) || !MISSING.includes(error.code)) throw error;
    return { value: null, missing: error };
  }
}

function unexpected(cause: unknown): unknown {
  return translated(cause, { hint: 'The cache lies in $HOTPLANE_CACHE, else ~/.cache/hotplane.' });
}

/** False when a file of it is gone or damaged since it was found. */
export async function isThere(guest: Guest): Promise<boolean> {
  const cache_dir = dirname(dirname(dirname(guest.kernel_path)));
  const kernel = await lookAtKernel(dirname(guest.kernel_path), cache_dir);
  return kernel.state === 'ok' && (await isRootfsThere(cache_dir, guest.rootfs_key));
}

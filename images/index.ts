/** Guest kernels and root file systems, built once and kept by their content. */
import { isHotplaneError } from '../base/errors.ts';
import { cacheDir } from '../base/paths.ts';
import { type Progress, silentProgress } from '../base/progress.ts';
import { imageError } from './errors.ts';
import { ensureKernel, type KernelManifest } from './kernel.ts';
import { type KernelVariant, kernelRecipe } from './kernel-recipe.ts';
import { findKernelSource } from './kernel-source.ts';
import { ensureRootfs } from './rootfs.ts';
import { SELFTEST_NAME } from './selftest.ts';

export type { ImageErrorCode } from './errors.ts';
export type { KernelManifest } from './kernel.ts';
export {
  type GuestKernelOptions,
  type GuestMechanism,
  guestKernelArguments,
} from './kernel-arguments.ts';
export type { KernelVariant } from './kernel-recipe.ts';

/** Path of the selftest program inside the guest, when {@link Guest.manifest} says `selftest`. */
export const SELFTEST_GUEST_PATH = `/bin/${SELFTEST_NAME}`;

export interface EnsureGuestOptions {
  readonly variant: KernelVariant;
  /** An unpacked Linux 6.12 instead of Debian's `linux-source-6.12`. */
  readonly kernel_tree?: string;
  /**
   * False: take it from the cache or throw HP_IMAGE_NOT_BUILT, which names what is missing and the
   * command that builds it. Default: true.
   */
  readonly build?: boolean;
  readonly progress?: Progress;
  readonly signal?: AbortSignal;
  /** Default: base/paths.ts. */
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
  const progress = options.progress ?? silentProgress;
  try {
    const source = await findKernelSource(options.kernel_tree, cache_dir);
    const recipe = await kernelRecipe(options.variant, source);
    const kernel = await ensureKernel(source, recipe, { cache_dir, build, progress, ...signal });
    const rootfs = await ensureRootfs({
      cache_dir,
      build,
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
    throw isHotplaneError(error) ? error : unexpected(error, cache_dir);
  }
}

function unexpected(cause: unknown, cache_dir: string): Error {
  return imageError('HP_IMAGE_BUILD_FAILED', {
    message: 'The guest image could not be built.',
    next: `Check that ${cache_dir} is writable and its disk is not full, and run it again.`,
    cause,
  });
}

/** Kernels of a source and a series that the user names, from the same cache as all others. */
import { basename } from 'node:path';
import { DEFAULT_ARCH, type GuestArch } from '../base/guest-arch.ts';
import { readPlainFile } from '../base/plain-file.ts';
import type { Progress } from '../base/progress.ts';
import { ensureKernel } from './kernel/build.ts';
import { parseConfig } from './kernel/config.ts';
import type { BuiltKernel } from './kernel/manifest.ts';
import { givenParts, type KernelParts, recipeOf } from './kernel/recipe.ts';
import { findGivenSource, type KernelSource } from './kernel/source.ts';
import { compilerVersion } from './rootfs/compiler.ts';

export interface GivenKernels {
  readonly source: KernelSource;
  readonly untouched: KernelParts;
  readonly patched: KernelParts;
  /** First line of `gcc --version`. */
  readonly compiler: string;
}

/** What a check is about, looked at before anything is built. Throws HP_IMAGE_*. */
export async function findGivenKernels(given: {
  readonly tree: string;
  readonly series_dir: string;
  /** A fragment of the configuration for both kernels; null: none. */
  readonly config_path: string | null;
  readonly cache_dir: string;
  /** Default: x86-64. */
  readonly arch?: GuestArch;
}): Promise<GivenKernels> {
  const { config_path, series_dir: dir, arch = DEFAULT_ARCH } = given;
  const fragment =
    config_path === null
      ? null
      : { name: basename(config_path), text: await readPlainFile(config_path) };
  const untouched = await givenParts('stock', { dir, fragment, arch });
  const patched = await givenParts('hotmem', { dir, fragment, arch });
  const compiler = await compilerVersion(arch);
  return {
    source: await findGivenSource(given.tree, given.cache_dir),
    untouched,
    patched,
    compiler,
  };
}

/** Builds one of the two, or finds it. Throws HP_IMAGE_PATCH_FAILED, HP_IMAGE_BUILD_FAILED, ... */
export async function ensureGivenKernel(
  { source, compiler }: GivenKernels,
  parts: KernelParts,
  options: {
    readonly cache_dir: string;
    readonly progress: Progress;
    readonly jobs?: number;
    readonly signal?: AbortSignal;
  },
): Promise<BuiltKernel> {
  const needed_options = neededOptions(parts);
  return await ensureKernel(source, recipeOf(parts, source, compiler), {
    ...options,
    needed_options,
  });
}

/** All but those of the base configuration. */
function neededOptions({ fragments }: KernelParts): readonly string[] {
  return fragments.slice(1).flatMap(({ text }) => [...parseConfig(text).keys()]);
}

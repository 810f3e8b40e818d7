/** What goes into a kernel: variant, patches and config fragments, and the key of the result. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PROJECT_ROOT } from '../base/paths.ts';
import { compilerVersion } from './compiler.ts';
import { contentKey } from './content-hash.ts';
import { imageError } from './errors.ts';
import type { KernelSource } from './kernel-source.ts';

/** `stock`: untouched; `hotmem`: with the series; `debug`: the series on a checking kernel. */
export type KernelVariant = 'stock' | 'hotmem' | 'debug';

export interface KernelRecipe {
  readonly variant: KernelVariant;
  readonly patches: readonly { readonly name: string; readonly path: string }[];
  /** Revision of the series, null without it. */
  readonly series_revision: string | null;
  /** What `uname -r` ends with: variant, revision and key, so that a guest tells which one runs. */
  readonly local_version: string;
  /** The fragments merged into one. */
  readonly fragments: readonly { readonly name: string; readonly text: string }[];
  readonly key: string;
}

const FRAGMENTS: Readonly<Record<KernelVariant, readonly string[]>> = {
  stock: ['microvm.config'],
  hotmem: ['microvm.config', 'hotmem.config'],
  debug: ['microvm.config', 'hotmem.config', 'debug.config'],
};

/** Raised when the way of building changes what comes out. */
const RECIPE_VERSION = '2';
/** As much of the key as the kernel's release carries; a release has at most 64 characters. */
const KEY_DIGITS = 12;

export async function kernelRecipe(
  variant: KernelVariant,
  source: KernelSource,
  patches_dir: string = join(PROJECT_ROOT, 'guest-kernel-patches'),
): Promise<KernelRecipe> {
  const patches = variant === 'stock' ? [] : await readSeries(patches_dir);
  const fragments = await Promise.all(
    FRAGMENTS[variant].map(async (name) => ({
      name,
      text: await readPart(join(patches_dir, 'config', name)),
    })),
  );
  const series_revision =
    variant === 'stock' ? null : (await readPart(join(patches_dir, 'REVISION'))).trim();
  const patch_texts = await Promise.all(patches.map((patch) => readPart(patch.path)));
  const key = contentKey({
    recipe: RECIPE_VERSION,
    variant,
    source: source.identity,
    compiler: await compilerVersion(),
    fragments: JSON.stringify(fragments.map((fragment) => fragment.text)),
    patches: JSON.stringify(patch_texts),
    series_revision: series_revision ?? '',
  });
  const local_version = localVersion(variant, series_revision, key);
  const identity = { name: 'identity', text: `CONFIG_LOCALVERSION="${local_version}"\n` };
  return {
    variant,
    patches,
    series_revision,
    local_version,
    fragments: [...fragments, identity],
    key,
  };
}

/** `-hotplane-stock-<key>`, `-hotplane-hotmem-r5-<key>`. Pure. */
function localVersion(variant: KernelVariant, revision: string | null, key: string): string {
  const series = revision === null ? '' : `-r${revision}`;
  return `-hotplane-${variant}${series}-${key.slice(0, KEY_DIGITS)}`;
}

async function readSeries(dir: string): Promise<KernelRecipe['patches']> {
  const names = parseSeries(await readPart(join(dir, 'series')));
  return names.map((name) => ({ name, path: join(dir, name) }));
}

/** Patch names of a `series` file, in order; `#` starts a comment. Pure. */
export function parseSeries(text: string): readonly string[] {
  return text
    .split('\n')
    .map((line) => line.replace(/(^|\s)#.*$/, '').trim())
    .filter((line) => line !== '');
}

async function readPart(path: string): Promise<string> {
  return await readFile(path, 'utf8').catch((cause: unknown) => {
    throw imageError('HP_IMAGE_SERIES', {
      message: `${path} cannot be read.`,
      next: 'Check that guest-kernel-patches/ is complete (git status), or build variant stock.',
      cause,
    });
  });
}

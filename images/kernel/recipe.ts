/** What goes into a kernel: variant, patches and config fragments, and the key of the result. */
import { join, resolve } from 'node:path';
import { namesIn } from '../../base/files.ts';
import { DEFAULT_ARCH, type GuestArch } from '../../base/guest-arch.ts';
import { PROJECT_ROOT } from '../../base/paths.ts';
import { readPlainFile } from '../../base/plain-file.ts';
import { contentKey } from '../cache/content-hash.ts';
import { imageError } from '../errors.ts';
import type { KernelSource } from './source.ts';
import { builtText } from './touched.ts';

/** `stock`: untouched; `hotmem`: with the series; `debug`: the series on a checking kernel. */
export type KernelVariant = 'stock' | 'hotmem' | 'debug';

/** All that decides a kernel but its source and the compiler: known without any tool. */
export interface KernelParts {
  readonly arch: GuestArch;
  readonly variant: KernelVariant;
  readonly patches: readonly { readonly name: string; readonly path: string }[];
  readonly patch_texts: readonly string[];
  /** Revision of the series, null without it. */
  readonly series_revision: string | null;
  readonly fragments: readonly { readonly name: string; readonly text: string }[];
}

export interface KernelRecipe extends Omit<KernelParts, 'patch_texts'> {
  /** What `uname -r` ends with: variant, revision and key, so that a guest tells which one runs. */
  readonly local_version: string;
  /** The fragments merged into one. */
  readonly fragments: readonly { readonly name: string; readonly text: string }[];
  /** First line of `--version` of the compiler. */
  readonly compiler: string;
  readonly key: string;
}

const FRAGMENTS: Readonly<Record<KernelVariant, readonly string[]>> = {
  stock: ['microvm.config'],
  hotmem: ['microvm.config', 'hotmem.config'],
  debug: ['microvm.config', 'hotmem.config', 'debug.config'],
};
/** Behind the others, whose options it takes back where its machine has none of the kind. */
const ARCH_FRAGMENTS: Readonly<Record<GuestArch, readonly string[]>> = {
  'x86-64': [],
  arm64: ['arm64.config'],
};

/** A kernel in messages: `stock`, `hotmem for arm64`. Pure. */
export function kernelLabel(arch: GuestArch, variant: KernelVariant): string {
  return arch === DEFAULT_ARCH ? variant : `${variant} for ${arch}`;
}

/** Options of a series for another line of Linux, which has some of ours under other names. */
const TREE_CONFIG = 'tree.config';

/** Raised when the way of building changes what comes out. */
const RECIPE_VERSION = '2';
/** As much of the key as the kernel's release carries; a release has at most 64 characters. */
const KEY_DIGITS = 12;

/** Reads the parts of a variant. Throws HP_IMAGE_SERIES when one is missing. */
export async function kernelParts(
  variant: KernelVariant,
  patches_dir: string = join(PROJECT_ROOT, 'guest-kernel-patches'),
  arch: GuestArch = DEFAULT_ARCH,
): Promise<KernelParts> {
  const patches = variant === 'stock' ? [] : await readSeries(patches_dir);
  const fragments = await Promise.all(
    [...FRAGMENTS[variant], ...ARCH_FRAGMENTS[arch]].map(async (name) => ({
      name,
      text: await readPart(join(patches_dir, 'config', name)),
    })),
  );
  const series_revision =
    variant === 'stock' ? null : (await readPart(join(patches_dir, 'REVISION'))).trim();
  const patch_texts = await Promise.all(patches.map((patch) => readPart(patch.path)));
  return { arch, variant, patches, patch_texts, series_revision, fragments };
}

export interface GivenSeries {
  /**
   * A folder with patches; its `series`, `REVISION`, `config/` and `tree.config` are used when they
   * are there. The last has options beside those of the variant, that its line of Linux needs.
   */
  readonly dir: string;
  /** Beside the fragments of the variant, in both kernels. */
  readonly fragment: { readonly name: string; readonly text: string } | null;
  /** Default: x86-64. */
  readonly arch?: GuestArch;
}

/** Reads the parts of a variant with a series of the user's. Throws HP_IMAGE_SERIES. */
export async function givenParts(
  variant: KernelVariant,
  { dir, fragment, arch = DEFAULT_ARCH }: GivenSeries,
): Promise<KernelParts> {
  const own = join(PROJECT_ROOT, 'guest-kernel-patches');
  const names = await namesIn(dir);
  const patches = variant === 'stock' ? [] : await readGivenSeries(dir, names);
  const patch_texts = await Promise.all(patches.map((patch) => readPart(patch.path)));
  const config = names.includes('config') ? dir : own;
  const wanted = [...FRAGMENTS[variant], ...ARCH_FRAGMENTS[arch]].map(async (name) => ({
    name,
    text: await readPart(join(config, 'config', name)),
  }));
  const fragments = await Promise.all(wanted);
  if (names.includes(TREE_CONFIG)) {
    fragments.push({ name: TREE_CONFIG, text: await readPart(join(dir, TREE_CONFIG)) });
  }
  const revision =
    variant === 'stock' || !names.includes('REVISION')
      ? null
      : await readPart(join(dir, 'REVISION'));
  return {
    arch,
    variant,
    patches,
    patch_texts,
    series_revision: revision?.trim() ?? null,
    fragments: fragment ? [...fragments, fragment] : fragments,
  };
}

async function readGivenSeries(
  dir: string,
  names: readonly string[],
): Promise<KernelParts['patches']> {
  if (names.includes('series')) return await readSeries(dir);
  const found = names.filter((name) => name.endsWith('.patch') && !name.startsWith('0000-'));
  if (found.length > 0) return patchesIn(dir, found.toSorted());
  throw imageError('HP_IMAGE_SERIES', `${dir} has neither a file 'series' nor any *.patch.`, {
    next: 'Name a folder as git format-patch fills it.',
  });
}

/** Key of the kernel that these parts, this source and this compiler give. Pure. */
export function kernelKey(parts: KernelParts, source_identity: string, compiler: string): string {
  return contentKey({
    recipe: RECIPE_VERSION,
    variant: parts.variant,
    source: source_identity,
    compiler,
    fragments: JSON.stringify(parts.fragments.map((fragment) => fragment.text)),
    patches: JSON.stringify(parts.patch_texts.map(builtText)),
    series_revision: parts.series_revision ?? '',
    ...(parts.arch === DEFAULT_ARCH ? {} : { arch: parts.arch }),
  });
}

export function recipeOf(parts: KernelParts, source: KernelSource, compiler: string): KernelRecipe {
  const { arch, variant, patches, series_revision, fragments } = parts;
  const key = kernelKey(parts, source.identity, compiler);
  const local_version = localVersion(variant, series_revision, key);
  const identity = { name: 'identity', text: `CONFIG_LOCALVERSION="${local_version}"\n` };
  return {
    arch,
    variant,
    patches,
    series_revision,
    local_version,
    fragments: [...fragments, identity],
    compiler,
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
  return patchesIn(dir, names);
}

/** Where they are from anywhere: they are applied inside of the tree. */
function patchesIn(dir: string, names: readonly string[]): KernelParts['patches'] {
  return names.map((name) => ({ name, path: resolve(dir, name) }));
}

/** Patch names of a `series` file, in order; `#` starts a comment. Pure. */
export function parseSeries(text: string): readonly string[] {
  return text
    .split('\n')
    .map((line) => line.replace(/(^|\s)#.*$/, '').trim())
    .filter((line) => line !== '');
}

async function readPart(path: string): Promise<string> {
  return await readPlainFile(path).catch((cause: unknown) => {
    throw imageError('HP_IMAGE_SERIES', `${path} cannot be read.`, { cause });
  });
}

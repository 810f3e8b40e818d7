/** Finished kernels found without the tools that made them: their manifests tell what they are. */
import { join } from 'node:path';
import { namesIn } from '../../base/files.ts';
import { IMAGE_LIMITS } from '../limits.ts';
import { type BuiltKernel, lookAtKernel } from './manifest.ts';
import { kernelKey, type KernelParts } from './recipe.ts';

export interface KernelTraits {
  /** Identity of the source it must be built from; null: any. */
  readonly source_identity: string | null;
  /** Whether it must come from an unpacked tree that the user names, or from Debian's tarball. */
  readonly source_kind: 'tarball' | 'tree';
}

export interface FoundKernel {
  /** Name of its folder; also its key when nothing is wrong. */
  readonly name: string;
  readonly kernel: BuiltKernel | null;
  /** Why it cannot be used; null when it can. */
  readonly damage: string | null;
}

/** Every kernel in the cache, usable or damaged, by name. */
export async function listKernels(cache_dir: string): Promise<readonly FoundKernel[]> {
  const folder = join(cache_dir, 'kernels');
  const names = (await namesIn(folder)).filter((name) => !name.startsWith('.'));
  const found: FoundKernel[] = [];
  for (const name of names.toSorted().slice(0, IMAGE_LIMITS.cached_kernels)) {
    const look = await lookAtKernel(join(folder, name), cache_dir);
    if (look.state === 'ok') found.push({ name, kernel: look.manifest, damage: null });
    if (look.state === 'damaged') found.push({ name, kernel: null, damage: look.reason });
  }
  return found;
}

/** True when these parts, with the source and compiler it names, give exactly this kernel. Pure. */
export function isOfParts({ name, kernel }: FoundKernel, parts: KernelParts): boolean {
  if (kernel === null) return false;
  const { arch, variant, source, compiler, key } = kernel.manifest;
  if (arch !== parts.arch || variant !== parts.variant) return false;
  return key === name && kernelKey(parts, source.identity, compiler) === key;
}

/** A usable kernel of these parts by any compiler; the newest Linux of several, then by key. */
export async function findByParts(
  cache_dir: string,
  parts: KernelParts,
  { source_identity, source_kind }: KernelTraits,
): Promise<BuiltKernel | null> {
  const all = await listKernels(cache_dir);
  const fitting = all
    .filter((found) => isOfParts(found, parts))
    .flatMap(({ kernel }) => kernel ?? [])
    .filter(({ manifest: { source } }) => source.kind === source_kind)
    .filter(({ manifest: { source } }) => (source_identity ?? source.identity) === source.identity);
  return fitting.toSorted((a, b) => patchLevel(b) - patchLevel(a))[0] ?? null;
}

function patchLevel({ manifest }: BuiltKernel): number {
  return Number(manifest.kernel_version.split('.')[2] ?? 0);
}

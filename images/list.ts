/** The guest kernels of a cache, for people and programs. */
import { join } from 'node:path';
import { GUEST_ARCHS, type GuestArch } from '../base/guest-arch.ts';
import { translated } from '../base/system-error.ts';
import { isOfParts, listKernels } from './kernel/lookup.ts';
import { kernelParts } from './kernel/recipe.ts';

export interface ListedImage {
  /** `current`: this version of hotplane uses it; `other`: it is made of other parts. */
  readonly state: 'current' | 'other' | 'damaged';
  /** Folder of the kernel. */
  readonly path: string;
  /** Why it cannot be used; null when it can. All else is null when it cannot. */
  readonly damage: string | null;
  readonly arch: GuestArch | null;
  readonly variant: string | null;
  readonly release: string | null;
  readonly key: string | null;
  readonly series_revision: string | null;
  readonly compiler: string | null;
  /** Path of the tarball or tree, on the host that built it. */
  readonly source: string | null;
  readonly image_bytes: number | null;
}

/** By folder. Reads only; a cache that is not there is empty. */
export async function listImages(cache_dir: string): Promise<readonly ListedImage[]> {
  const variants = ['stock', 'hotmem', 'debug'] as const;
  const wanted = GUEST_ARCHS.flatMap((arch) => variants.map((variant) => ({ arch, variant })));
  const parts = await Promise.all(
    wanted.map(async ({ arch, variant }) => await kernelParts(variant, undefined, arch)),
  );
  const found = await listKernels(cache_dir).catch((error: unknown) => {
    throw translated(error);
  });
  return found.map((one) => {
    const manifest = one.kernel?.manifest ?? null;
    const fits = parts.some((one_of) => isOfParts(one, one_of)) ? 'current' : 'other';
    return {
      state: manifest === null ? 'damaged' : fits,
      path: join(cache_dir, 'kernels', one.name),
      damage: one.damage,
      arch: manifest?.arch ?? null,
      variant: manifest?.variant ?? null,
      release: manifest?.release ?? null,
      key: manifest?.key ?? null,
      series_revision: manifest?.series_revision ?? null,
      compiler: manifest?.compiler ?? null,
      source: manifest?.source.path ?? null,
      image_bytes: manifest?.image_bytes ?? null,
    };
  });
}

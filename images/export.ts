/** Finished images carried to a host that has none of the tools: a folder like a cache. */
import { cp, readdir, rm } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { makeFolder } from '../base/make-folder.ts';
import { cacheDir } from '../base/paths.ts';
import { translated } from '../base/system-error.ts';
import { imageError } from './errors.ts';
import { ensureGuest, type Guest } from './index.ts';
import type { KernelVariant } from './kernel/recipe.ts';
import { ensureGuestProgram } from './rootfs/programs.ts';

export interface ExportOptions {
  readonly variants: readonly KernelVariant[];
  /** Is made; must be empty when it is there. */
  readonly out_dir: string;
  /** Default: base/paths.ts. */
  readonly cache_dir?: string;
}

/**
 * Copies the finished guests of these variants; builds nothing. What is written is checked as the
 * other host will check it. Throws HP_IMAGE_NOT_BUILT, HP_IMAGE_EXPORT.
 */
export async function exportImages(options: ExportOptions): Promise<readonly Guest[]> {
  const { variants, out_dir } = options;
  const cache_dir = options.cache_dir ?? cacheDir();
  const folders = new Set<string>();
  for (const variant of variants) {
    const guest = await ensureGuest({ variant, build: false, cache_dir });
    folders.add(dirname(guest.kernel_path)).add(dirname(guest.initrd_path));
  }
  for (const name of ['init', 'workload'] as const) {
    folders.add(dirname(await ensureGuestProgram(name, { cache_dir, build: false })));
  }
  try {
    await makeFolder(out_dir);
    if ((await readdir(out_dir)).length > 0) throw notEmpty(out_dir);
    for (const folder of folders) {
      await cp(folder, join(out_dir, relative(cache_dir, folder)), { recursive: true });
    }
  } catch (error) {
    throw translated(error, { hint: '--out names the folder.' });
  }
  const guests: Guest[] = [];
  for (const variant of variants) {
    guests.push(await ensureGuest({ variant, build: false, cache_dir: out_dir }));
  }
  // Hashes remembered by this disk's inodes are of no use on another.
  await rm(join(out_dir, 'sources'), { recursive: true, force: true });
  return guests;
}

function notEmpty(out_dir: string): Error {
  return imageError('HP_IMAGE_EXPORT', `${out_dir} is not empty.`);
}

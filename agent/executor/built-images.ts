/** Guest images from images/, found or built before the agent serves. */
import { stat } from 'node:fs/promises';
import type { Logger } from 'pino';
import { type HotplaneError, isHotplaneError } from '../../base/errors.ts';
import { imageError } from '../../images/errors.ts';
import { agentError } from '../model/errors.ts';
import { type Progress, silentProgress } from '../../base/progress.ts';
import { cacheDir } from '../../base/paths.ts';
import { PROTOCOL } from '../../guest/protocol/constants.ts';
import type { DiskSpec } from '../../hypervisor-client/vm.ts';
import { findPackage } from '../../images/packages/package.ts';
import { errnoOf } from '../../base/system-error.ts';
import { ensureGuest, type Guest, guestKernelArguments, isThere } from '../../images/index.ts';
import type { FunctionSpec } from '../model/spec.ts';
import { type GuestKernel, variantOf } from '../model/guest-kernel.ts';
import { type MechanismName, MECHANISMS } from '../model/mechanism.ts';
import { refusalOf } from '../model/failure.ts';
import type { GuestImages, ImageIdentity } from './images.ts';

export interface ImageOptions {
  readonly mechanisms: readonly MechanismName[];
  /** Which kernel serves the mechanisms that need no patch. */
  readonly guest_kernel: GuestKernel;
  /** False: what is not in the cache is missing, nothing is built. Default: true. */
  readonly build?: boolean;
  /** Where they are, absolute. Default: the cache. */
  readonly images_dir?: string;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  readonly log: Logger;
}

type Variant = ReturnType<typeof variantOf>;

/**
 * Makes the image of every named mechanism ready, from the cache in a moment, else by building it.
 * One that cannot be made is logged, and a Deploy that needs it is told why; with none at all the
 * first error is thrown.
 */
export async function prepareImages(options: ImageOptions): Promise<GuestImages> {
  const { mechanisms, guest_kernel, build = true, progress, signal, log, images_dir } = options;
  const place = images_dir === undefined ? {} : { cache_dir: images_dir };
  if (images_dir !== undefined) await checkFolder(images_dir);
  const ready = new Map<Variant, Guest>();
  let first_error: unknown;
  const variantFor = (name: MechanismName) => variantOf(MECHANISMS.get(name), guest_kernel);
  for (const variant of new Set(mechanisms.map((name) => variantFor(name)))) {
    try {
      ready.set(variant, await ensureGuest({ variant, build, progress, signal, ...place }));
    } catch (cause) {
      if (signal.aborted) throw cause;
      const error = images_dir === undefined ? cause : notCarried(cause, images_dir);
      first_error ??= error;
      log.warn({ variant, err: refusalOf(error) }, 'no guest image');
    }
  }
  if (ready.size === 0 && first_error !== undefined) throw first_error;
  /** What is gone or was not there may have been built since: looked for again, never built. */
  const find = async (variant: Variant): Promise<Guest> => {
    const known = ready.get(variant);
    if (known && (await isThere(known))) return known;
    const found = await ensureGuest({ variant, build: false, progress: silentProgress, ...place });
    ready.set(variant, found);
    return found;
  };
  return {
    imageFor: async (spec, regions_per_device = 1) => {
      const guest = await find(variantFor(spec.mechanism)).catch((error: unknown) => {
        throw notReady(spec, error, images_dir);
      });
      const { init_on_alloc, guest_huge_pages } = spec;
      const { partitions: has_partitions } = MECHANISMS.get(spec.mechanism);
      const partitions = has_partitions ? regions_per_device : 'none';
      const disks = await disksOf(spec, images_dir ?? cacheDir());
      return {
        disks,
        kernel_path: guest.kernel_path,
        initrd_path: guest.initrd_path,
        kernel_arguments: guestKernelArguments({ partitions, init_on_alloc, guest_huge_pages }),
        identity: identityOf(guest),
      };
    },
  };
}

/** The images of a function's program; throws HP_IMAGE_NOT_BUILT for one that is not there. */
async function disksOf({ program }: FunctionSpec, cache_dir: string): Promise<DiskSpec[]> {
  const images: readonly (readonly [string, string | null | undefined])[] = [
    [PROTOCOL.base_serial, program?.base_key],
    [PROTOCOL.function_serial, program?.function_key],
  ];
  const disks: DiskSpec[] = [];
  for (const [serial, key] of images) {
    if (key) disks.push({ serial, path: (await findPackage(cache_dir, key)).image_path });
  }
  return disks;
}

function identityOf({ manifest, rootfs_key }: Guest): ImageIdentity {
  return {
    kernel_variant: manifest.variant,
    kernel_key: manifest.key,
    series_revision: manifest.series_revision,
    rootfs_key,
  };
}

/** Throws HP_IMAGE_NOT_BUILT when there is no folder of finished images at all. */
async function checkFolder(dir: string): Promise<void> {
  const found = await stat(dir).catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return null;
    throw error;
  });
  if (found?.isDirectory()) return;
  const state = found === null ? 'does not exist' : 'is not a folder';
  throw missingIn(dir, `the folder of guest images ${state}: ${dir}.`);
}

/** What is missing in a folder that was named is exported into it, not built on this host. */
function notCarried(error: unknown, dir: string): unknown {
  if (!isHotplaneError(error) || error.code !== 'HP_IMAGE_NOT_BUILT') return error;
  return missingIn(dir, error.message.replace('is not in the cache', 'is not in --images'), error);
}

function missingIn(dir: string, message: string, cause?: unknown): HotplaneError {
  return imageError('HP_IMAGE_NOT_BUILT', message, {
    next: `where they are built, run ${exportInto(dir)}; without --images the cache is used.`,
    cause,
  });
}

const exportInto = (dir: string): string => `'hotplane images export --out ${dir}'`;

function notReady(spec: FunctionSpec, cause: unknown, dir: string | undefined): HotplaneError {
  const make =
    dir === undefined
      ? "'hotplane images build'"
      : `'hotplane images build' where they are built, and ${exportInto(dir)}`;
  return agentError(
    'HP_AGENT_NO_IMAGE',
    `there is no guest image for mechanism '${spec.mechanism}'.`,
    { next: `run ${make}, then try again; the agent need not be started anew.`, cause },
  );
}

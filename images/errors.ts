import { type ErrorCategory, HotplaneError } from '../base/errors.ts';

/** Codes of everything that can go wrong while a guest kernel or image is built. */
export type ImageErrorCode =
  | 'HP_IMAGE_KERNEL_SOURCE'
  | 'HP_IMAGE_KERNEL_VERSION'
  | 'HP_IMAGE_KERNEL_CONFIG'
  | 'HP_IMAGE_SERIES'
  | 'HP_IMAGE_PATCH_FAILED'
  | 'HP_IMAGE_TOOL_MISSING'
  | 'HP_IMAGE_BUILD_FAILED'
  | 'HP_IMAGE_NOT_BUILT'
  | 'HP_IMAGE_EXPORT'
  | 'HP_IMAGE_CACHE_PATH'
  | 'HP_IMAGE_INTERRUPTED'
  | 'HP_IMAGE_LOCK_TIMEOUT';

const CATEGORIES: Readonly<Record<ImageErrorCode, ErrorCategory>> = {
  HP_IMAGE_KERNEL_SOURCE: 'unavailable',
  HP_IMAGE_KERNEL_VERSION: 'usage',
  HP_IMAGE_KERNEL_CONFIG: 'failure',
  HP_IMAGE_SERIES: 'unavailable',
  HP_IMAGE_PATCH_FAILED: 'failure',
  HP_IMAGE_TOOL_MISSING: 'unavailable',
  HP_IMAGE_BUILD_FAILED: 'failure',
  HP_IMAGE_NOT_BUILT: 'unavailable',
  HP_IMAGE_EXPORT: 'conflict',
  HP_IMAGE_CACHE_PATH: 'usage',
  HP_IMAGE_INTERRUPTED: 'interrupted',
  HP_IMAGE_LOCK_TIMEOUT: 'timeout',
};

export interface ImageErrorOptions {
  readonly message: string;
  readonly next: string;
  readonly cause?: unknown;
  readonly details?: Readonly<Record<string, unknown>>;
}

export function imageError(code: ImageErrorCode, options: ImageErrorOptions): HotplaneError {
  return new HotplaneError({ code, category: CATEGORIES[code], ...options });
}

/** HP_IMAGE_NOT_BUILT for what was looked for at `path`: not there, or damaged as `damage` says. */
export function notBuilt(what: string, path: string, damage: string | null = null): HotplaneError {
  const state = damage === null ? 'is not in the cache' : `is damaged (${damage})`;
  return imageError('HP_IMAGE_NOT_BUILT', {
    message: `${what} ${state}: ${path}.`,
    next: "run 'hotplane images build', then try again; nothing else has to be started anew.",
    details: { path, damage },
  });
}

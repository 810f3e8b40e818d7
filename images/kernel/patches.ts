import { isHotplaneError } from '../../base/errors.ts';
import { imageError } from '../errors.ts';
import { run } from '../run.ts';

export interface PatchOptions {
  readonly log_path: string;
  readonly lock_fd?: number;
  readonly signal?: AbortSignal | undefined;
}

/** Applies patches in order. The tree is useless after HP_IMAGE_PATCH_FAILED. */
export async function applyPatches(
  patches: readonly { readonly name: string; readonly path: string }[],
  tree: string,
  options: PatchOptions,
): Promise<void> {
  for (const patch of patches) {
    const command = ['patch', '-p1', '--forward', '--batch', `--input=${patch.path}`];
    try {
      await run(command, { ...options, cwd: tree });
    } catch (cause) {
      if (!isHotplaneError(cause) || cause.code !== 'HP_IMAGE_BUILD_FAILED') throw cause;
      throw imageError('HP_IMAGE_PATCH_FAILED', `${patch.name} does not apply to ${tree}.`, {
        cause,
        details: cause.details,
      });
    }
  }
}

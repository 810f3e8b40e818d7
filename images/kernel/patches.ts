import { isHotplaneError } from '../../base/errors.ts';
import { imageError } from '../errors.ts';
import { run } from '../run.ts';
import { type Misfit, misfitText, parsePatchOutput } from './rejects.ts';

export interface PatchOptions {
  readonly log_path: string;
  readonly lock_fd?: number;
  readonly signal?: AbortSignal | undefined;
}

/** Places of a message; all of them are in the details. */
const TOLD_REJECTS = 3;

/**
 * Applies patches in order. The tree is useless after HP_IMAGE_PATCH_FAILED, which names the patch,
 * its place in the series, and the hunks that did not fit.
 */
export async function applyPatches(
  patches: readonly { readonly name: string; readonly path: string }[],
  tree: string,
  options: PatchOptions,
): Promise<void> {
  for (const [index, patch] of patches.entries()) {
    const command = ['patch', '-p1', '--forward', '--batch', `--input=${patch.path}`];
    const lines: string[] = [];
    try {
      await run(command, { ...options, cwd: tree, onLine: (line) => lines.push(line) });
    } catch (cause) {
      if (!isHotplaneError(cause) || cause.code !== 'HP_IMAGE_BUILD_FAILED') throw cause;
      const { rejected } = parsePatchOutput(lines);
      const place = `patch ${index + 1} of ${patches.length}`;
      const message = `${patch.name} (${place}) does not apply to ${tree}${rejectsText(rejected)}.`;
      throw imageError('HP_IMAGE_PATCH_FAILED', message, {
        cause,
        details: { ...cause.details, patch: patch.name, index: index + 1, rejected },
      });
    }
  }
}

function rejectsText(rejected: readonly Misfit[]): string {
  if (rejected.length === 0) return '';
  const told = rejected.slice(0, TOLD_REJECTS).map(misfitText).join('; ');
  const more = rejected.length - TOLD_REJECTS;
  return `: ${told}${more > 0 ? `; and ${more} more` : ''}`;
}

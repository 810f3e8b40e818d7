import { isHotplaneError } from '../../base/errors.ts';
import { imageError } from '../errors.ts';
import { run } from '../run.ts';
import { type Misfit, misfitText, parsePatchOutput } from './rejects.ts';

export interface PatchOptions {
  readonly log_path: string;
  readonly lock_fd?: number;
  readonly signal?: AbortSignal | undefined;
  /**
   * Told of a patch that went in beside lines that it does not know: somebody should look at it.
   */
  readonly onFuzz?: (text: string) => void;
}

/** Places of a message; all of them are in the details. */
const TOLD_PLACES = 3;

/**
 * Applies patches in order. The tree is useless after HP_IMAGE_PATCH_FAILED, which names the patch,
 * its place in the series, and the hunks that did not fit.
 */
export async function applyPatches(
  patches: readonly { readonly name: string; readonly path: string }[],
  tree: string,
  options: PatchOptions,
): Promise<void> {
  const { onFuzz, ...tools } = options;
  for (const [index, patch] of patches.entries()) {
    const command = ['patch', '-p1', '--forward', '--batch', `--input=${patch.path}`];
    const lines: string[] = [];
    try {
      await run(command, { ...tools, cwd: tree, onLine: (line) => lines.push(line) });
    } catch (cause) {
      if (!isHotplaneError(cause) || cause.code !== 'HP_IMAGE_BUILD_FAILED') throw cause;
      const { rejected } = parsePatchOutput(lines);
      const place = `patch ${index + 1} of ${patches.length}`;
      const message = `${patch.name} (${place}) does not apply to ${tree}${placesText(rejected)}.`;
      throw imageError('HP_IMAGE_PATCH_FAILED', message, {
        cause,
        details: { ...cause.details, patch: patch.name, index: index + 1, rejected },
      });
    }
    const { fuzzy } = parsePatchOutput(lines);
    if (fuzzy.length > 0) onFuzz?.(`${patch.name} went in with fuzz${placesText(fuzzy)}`);
  }
}

function placesText(places: readonly Misfit[]): string {
  if (places.length === 0) return '';
  const told = places.slice(0, TOLD_PLACES).map(misfitText).join('; ');
  const more = places.length - TOLD_PLACES;
  return `: ${told}${more > 0 ? `; and ${more} more` : ''}`;
}

/** What a package is refused for. */
import type { HotplaneError } from '../../base/errors.ts';
import { printable } from '../../base/printable.ts';
import { imageError } from '../errors.ts';

const PATH_CHARS = 200;

/**
 * HP_IMAGE_ARCHIVE: one sentence of an archive or folder (`source`), the path in it that is to
 * blame, and why.
 */
export function refused(source: string, path: string, why: string, cause?: unknown): HotplaneError {
  const about = path === '' ? '' : `${printable(path, PATH_CHARS)} `;
  return imageError('HP_IMAGE_ARCHIVE', `${source}: ${about}${why}.`, {
    details: { source, path: printable(path, PATH_CHARS) },
    ...(cause === undefined ? {} : { cause }),
  });
}

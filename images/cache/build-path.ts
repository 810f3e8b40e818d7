/** Whether a kernel can be built below a path: make takes blanks and colons apart. */
import { realpath } from 'node:fs/promises';
import { makeFolder } from '../../base/make-folder.ts';
import { imageError } from '../errors.ts';

/** What neither make nor the shell it starts reads as anything else. */
const PLAIN = /^[\p{L}\p{N}/._+,@=~-]*$/u;

/** The first character of `path` that a build cannot have; null when there is none. Pure. */
export function badCharacter(path: string): string | null {
  return Array.from(path).find((character) => !PLAIN.test(character)) ?? null;
}

/**
 * Makes the cache folder, or throws HP_IMAGE_CACHE_PATH when no kernel can be built in it: before
 * minutes of unpacking. What is finished is used from any path. Links are followed, as make does.
 */
export async function checkBuildPath(cache_dir: string): Promise<void> {
  await makeFolder(cache_dir);
  const path = await realpath(cache_dir);
  const bad = badCharacter(path);
  if (bad === null) return;
  throw imageError(
    'HP_IMAGE_CACHE_PATH',
    `No kernel can be built in '${path}': make does not take ${JSON.stringify(bad)}.`,
    { details: { path, character: bad } },
  );
}

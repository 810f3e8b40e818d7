/** What Node compiled of our modules, kept in the cache for the next process. */
import { enableCompileCache } from 'node:module';
import { dirname, join } from 'node:path';
import { isHotplaneError } from './errors.ts';
import { cacheDir } from './paths.ts';
import { ensureSafeFolder } from './safe-path.ts';
import { errnoOf } from './system-error.ts';

/**
 * For modules that are imported later; `flushCompileCache` of Node writes what is new. Without a
 * folder of our own everything is compiled anew, as where coverage is measured, which takes
 * functions that were read for functions that ran.
 */
export async function openCompileCache(env: NodeJS.ProcessEnv): Promise<void> {
  if ((env['NODE_V8_COVERAGE'] ?? '') !== '') return;
  try {
    const cache = cacheDir(env);
    const compiled = join(cache, 'compiled');
    // What lies there is run: nobody else may write it, or move it away.
    await ensureSafeFolder(dirname(cache), 'shared');
    for (const folder of [cache, compiled]) await ensureSafeFolder(folder);
    enableCompileCache(compiled);
  } catch (error) {
    if (!isHotplaneError(error) && errnoOf(error) === null) throw error;
  }
}

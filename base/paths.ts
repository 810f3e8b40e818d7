import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isOurFolder, ourUid } from './safe-path.ts';

/** The root of the installed project (where package.json is). */
export const PROJECT_ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Where built kernels and images live: `$HOTPLANE_CACHE`, else `$XDG_CACHE_HOME/hotplane`. */
export function cacheDir(env: NodeJS.ProcessEnv = process.env): string {
  if (env['HOTPLANE_CACHE']) return env['HOTPLANE_CACHE'];
  return join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'hotplane');
}

/**
 * Where sockets and VM state live while running, never a folder that others may write:
 * `$HOTPLANE_RUNTIME_DIR`; /run/hotplane for root; else `$XDG_RUNTIME_DIR/hotplane` where that is a
 * folder of ours, or a folder of the cache.
 */
export function runtimeDir(env: NodeJS.ProcessEnv = process.env): string {
  const named = env['HOTPLANE_RUNTIME_DIR'];
  if (named) return resolve(named);
  if (ourUid() === 0) return '/run/hotplane';
  const xdg = env['XDG_RUNTIME_DIR'];
  if (xdg && isAbsolute(xdg) && isOurFolder(xdg)) return join(xdg, 'hotplane');
  return join(cacheDir(env), 'run');
}

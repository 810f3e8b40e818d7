import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The root of the installed project (where package.json is). */
export const PROJECT_ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Where built kernels and images live: `$HOTPLANE_CACHE`, else `$XDG_CACHE_HOME/hotplane`. */
export function cacheDir(env: NodeJS.ProcessEnv = process.env): string {
  if (env['HOTPLANE_CACHE']) return env['HOTPLANE_CACHE'];
  return join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'hotplane');
}

/** Where sockets and VM state live while running: `$XDG_RUNTIME_DIR/hotplane` or below /tmp. */
export function runtimeDir(env: NodeJS.ProcessEnv = process.env): string {
  return join(env['XDG_RUNTIME_DIR'] || tmpdir(), `hotplane-${process.getuid?.() ?? 0}`);
}

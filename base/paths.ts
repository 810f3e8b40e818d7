import { userInfo } from 'node:os';
import { extname, isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { HotplaneError } from './errors.ts';
import { baseError } from './codes.ts';
import { isOurFolder, ourUid } from './safe-path.ts';

/**
 * The root of the project (where package.json is): of the clone, or `dist` of an installed package,
 * which is laid out like it.
 */
export const PROJECT_ROOT = fileURLToPath(new URL('..', import.meta.url));

/** What this project's modules end with: `.ts` in a clone, `.js` in an installed package. */
export const MODULE_EXTENSION = extname(fileURLToPath(import.meta.url));

/** The command line as a program, for children of our own: `[process.execPath, CLI_PROGRAM]`. */
export const CLI_PROGRAM = join(PROJECT_ROOT, 'cli', `main${MODULE_EXTENSION}`);

/**
 * Options of Node for a child that is an agent, before its program: what was just made has 64 MiB
 * of V8's heap, and not up to 128, which an agent at rest would never give back.
 */
export const AGENT_NODE_OPTIONS: readonly string[] = ['--max-semi-space-size=32'];

/**
 * Where built kernels and images live: `$HOTPLANE_CACHE`, else `$XDG_CACHE_HOME/hotplane`, else
 * `~/.cache/hotplane`. Always absolute; a relative XDG_CACHE_HOME is not heeded, as its standard
 * says. Throws HP_CACHE_PATH when no home is known, or the path is not UTF-8.
 */
export function cacheDir(env: NodeJS.ProcessEnv = process.env): string {
  return textual(resolve(cachePath(env)));
}

function cachePath(env: NodeJS.ProcessEnv): string {
  const given = env['HOTPLANE_CACHE'] ?? '';
  if (given === '~' || given.startsWith('~/')) return join(homeDir(env), given.slice(1));
  if (given !== '') return given;
  const base = env['XDG_CACHE_HOME'] ?? '';
  return join(isAbsolute(base) ? base : join(homeDir(env), '.cache'), 'hotplane');
}

/** `$HOME`; where it is empty or relative, what the user database says. */
function homeDir(env: NodeJS.ProcessEnv): string {
  const home = env['HOME'] ?? '';
  if (isAbsolute(home)) return home;
  try {
    const { homedir: known } = userInfo();
    if (isAbsolute(known)) return known;
  } catch {
    // A user without an entry has no home.
  }
  throw badCachePath("no home folder is known: HOME is '' and the user has no entry.");
}

/** Node turns bytes that are no UTF-8 into U+FFFD: the folder would be another one. */
function textual(path: string): string {
  if (!path.includes('\ufffd')) return path;
  throw badCachePath(`the path of the cache, '${path}', is not UTF-8.`);
}

function badCachePath(message: string): HotplaneError {
  return baseError('HP_CACHE_PATH', message);
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
  return join(cacheOrNull(env) ?? `/run/user/${ourUid()}/hotplane`, 'run');
}

/** Null where no cache can be named: whoever needs one is told by {@link cacheDir}. */
function cacheOrNull(env: NodeJS.ProcessEnv): string | null {
  try {
    return cacheDir(env);
  } catch {
    return null;
  }
}

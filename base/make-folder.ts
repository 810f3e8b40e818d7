/**
 * Folders with their missing parents, one level at a time. Node's own `recursive: true` never
 * returns where a file system says ENOENT below a folder that is there, as /proc does.
 */
import { mkdirSync, type Stats, statSync } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { errnoOf } from './system-error.ts';

export interface MakeFolderOptions {
  /** Permission bits of every folder that is made. Default: 0o777 less the umask. */
  readonly mode?: number;
}

/**
 * Makes `path` and its missing parents. Returns the topmost folder that was made, null when all
 * were there. Throws the system's error; ENOENT also when an existing folder takes no new one.
 */
export async function makeFolder(
  path: string,
  { mode = 0o777 }: MakeFolderOptions = {},
): Promise<string | null> {
  const steps = levels(resolve(path));
  let step = steps.next();
  while (step.done !== true) {
    const folder = step.value;
    step = steps.next(await mkdir(folder, mode).catch((error: unknown) => error));
  }
  const { first, there } = step.value;
  if (there !== null) needFolder(await stat(path).catch(() => null), there);
  return first;
}

/** The same, for callers that must not yield. */
export function makeFolderSync(
  path: string,
  { mode = 0o777 }: MakeFolderOptions = {},
): string | null {
  const steps = levels(resolve(path));
  let step = steps.next();
  while (step.done !== true) step = steps.next(errorOf(step.value, mode));
  const { first, there } = step.value;
  if (there !== null) needFolder(statSync(path, { throwIfNoEntry: false }) ?? null, there);
  return first;
}

interface Made {
  readonly first: string | null;
  /** What mkdir said of the path itself when something is there; it need not be a folder. */
  readonly there: unknown;
}

/**
 * Yields the folders to make, is told what became of each (undefined: made): up from `target` to
 * the first parent that is there, down again once. So it ends after two calls a level. Pure.
 */
function* levels(target: string): Generator<string, Made, unknown> {
  const missing: string[] = [];
  let first: string | null = null;
  let folder = target;
  for (;;) {
    const error = yield folder;
    if (error === undefined) {
      first = folder;
      break;
    }
    if (errnoOf(error) === 'EEXIST') {
      if (folder === target) return { first, there: error };
      break;
    }
    if (errnoOf(error) !== 'ENOENT' || dirname(folder) === folder) throw error;
    missing.push(folder);
    folder = dirname(folder);
  }
  let there: unknown = null;
  for (const below of missing.toReversed()) {
    const error = yield below;
    // Somebody else may have made it meanwhile.
    if (error !== undefined && errnoOf(error) !== 'EEXIST') throw error;
    if (error === undefined) first ??= below;
    there = error ?? null;
  }
  return { first, there };
}

function errorOf(folder: string, mode: number): unknown {
  try {
    mkdirSync(folder, mode);
    return undefined;
  } catch (error) {
    return error;
  }
}

/** A file, or a link that leads nowhere, is no folder. */
function needFolder(facts: Stats | null, error: unknown): void {
  if (facts?.isDirectory() !== true) throw error;
}

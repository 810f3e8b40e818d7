/** The one file of a bench whose result may be kept in a folder. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolderSync } from '../base/make-folder.ts';
import { folderTaken, folderUnwritable } from './errors.ts';

/**
 * Before anything is measured: a run that cannot be kept is not made. Throws HP_BENCH_EXISTS and
 * HP_BENCH_UNWRITABLE.
 */
export function claimResult(folder: string, file: string): void {
  if (existsSync(join(folder, file))) throw folderTaken(folder);
  try {
    makeFolderSync(folder);
    writeFileSync(join(folder, file), '');
  } catch (cause) {
    throw folderUnwritable(folder, cause);
  }
}

/** Throws HP_BENCH_UNWRITABLE. */
export function writeResult(folder: string, file: string, text: string): void {
  const path = join(folder, file);
  try {
    writeFileSync(path, text);
  } catch (cause) {
    throw folderUnwritable(path, cause);
  }
}

/** Source files that lie in the folder of another, read for imports to be followed. */
import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { readPlainFile } from '../../base/plain-file.ts';
import { MUX_LIMITS } from './limits.ts';
import { isSourceName, type SourcesBeside } from './source.ts';

/** By folder: those of a function are asked for again with each function of it. */
export type FoldersRead = Map<string, SourcesBeside>;

/** Of the folder of `path`, without itself; what cannot be read is as if it were not there. */
export async function sourcesBeside(path: string, read: FoldersRead): Promise<SourcesBeside> {
  const folder = dirname(path);
  const known = read.get(folder) ?? (await sourcesIn(folder));
  read.set(folder, known);
  const own = basename(path);
  return new Map([...known].filter(([name]) => name !== own));
}

async function sourcesIn(folder: string): Promise<SourcesBeside> {
  const sources = new Map<string, string>();
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const names = entries.filter((one) => one.isFile()).map(({ name }) => name);
  for (const name of names.filter(isSourceName).toSorted().slice(0, MUX_LIMITS.files_beside)) {
    const text = await readPlainFile(join(folder, name)).catch(() => null);
    if (text !== null && text.length <= MUX_LIMITS.source_chars) sources.set(name, text);
  }
  return sources;
}

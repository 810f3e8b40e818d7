/** `hotplane mux classify`: every function of some folders, its class, and why it has no better. */
import { readdir, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { describeError, isHotplaneError } from '../../base/errors.ts';
import { readPlainFile } from '../../base/plain-file.ts';
import { type FoldersRead, sourcesBeside } from './beside.ts';
import type { Classified, Unclassified } from './classify-report.ts';
import { muxError } from './errors.ts';
import { isHandlerName } from './extract.ts';
import { MUX_LIMITS } from './limits.ts';
import { type ExtractOptions, extractSource, isSourceName } from './source.ts';

export interface Classification {
  readonly functions: readonly Classified[];
  /** Files that could not be read as source. */
  readonly unread: readonly Unclassified[];
  /** Sources without a function that a platform would call: helpers and inputs of others. */
  readonly without_handler: readonly string[];
}

/**
 * Reads files, and the source files below folders; runs nothing. Throws HP_MUX_SOURCE for too many
 * files, and errors of the system for a path that is not there.
 */
export async function classifySources(
  paths: readonly string[],
  options: ExtractOptions,
  signal: AbortSignal,
): Promise<Classification> {
  const functions: Classified[] = [];
  const unread: Unclassified[] = [];
  const without_handler: string[] = [];
  const folders: FoldersRead = new Map();
  for (const file of await filesOf(paths, signal)) {
    signal.throwIfAborted();
    try {
      const beside = await sourcesBeside(file, folders);
      const extraction = extractSource(file, await readPlainFile(file), options, beside);
      if (options.entry === null && !isHandlerName(extraction.entry)) without_handler.push(file);
      else functions.push({ file, extraction });
    } catch (error) {
      if (isHotplaneError(error) && error.code === 'HP_MUX_ENTRY') without_handler.push(file);
      else unread.push({ file, error: describeError(error) });
    }
  }
  return { functions, unread, without_handler };
}

async function filesOf(paths: readonly string[], signal: AbortSignal): Promise<string[]> {
  const files: string[] = [];
  const open = [...paths].toReversed().map((path) => ({ path, depth: 0 }));
  for (let next = open.pop(); next; next = open.pop()) {
    signal.throwIfAborted();
    const { path, depth } = next;
    const is_folder = (await stat(path)).isDirectory();
    if (!is_folder) {
      files.push(path);
    } else if (depth < MUX_LIMITS.folder_depth) {
      const inner = (await readdir(path, { withFileTypes: true }))
        .filter((one) => (one.isDirectory() ? !isLeftOut(one.name) : isOwnSource(one)))
        .map(({ name }) => join(path, name))
        .toSorted();
      open.push(...inner.toReversed().map((one) => ({ path: one, depth: depth + 1 })));
    }
    if (files.length > MUX_LIMITS.files) {
      const message = `There are more than ${MUX_LIMITS.files} source files to classify.`;
      throw muxError('HP_MUX_SOURCE', message, { next: 'name folders further down.' });
    }
  }
  return files;
}

/** What others wrote, or a tool left. */
const isLeftOut = (name: string): boolean =>
  name.startsWith('.') || name === 'node_modules' || name === '__pycache__';

const isOwnSource = (one: { isFile(): boolean; readonly name: string }): boolean =>
  one.isFile() && isSourceName(one.name) && !one.name.endsWith(`.d${extname(one.name)}`);

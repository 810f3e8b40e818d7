/** A source file into its tree, by what its name ends in. */
import { extname } from 'node:path';
import { muxError } from './errors.ts';
import { type Extraction, defaultModel, extractInterface } from './extract.ts';
import { readJavaScript } from './javascript.ts';
import { MUX_LIMITS } from './limits.ts';
import { Machine } from './machine.ts';
import { COST_MODELS, type CostModelName } from './models.ts';
import { readPython } from './python.ts';
import type { Module } from './tree.ts';

/** Languages by the endings of their files. */
const ENDINGS: Readonly<Record<string, 'python' | 'javascript' | 'typescript'>> = {
  '.py': 'python',
  '.js': 'javascript',
  '.mjs': 'javascript',
  '.cjs': 'javascript',
  '.ts': 'typescript',
  '.mts': 'typescript',
};

export interface ExtractOptions {
  /** null: the one of the language. */
  readonly model: CostModelName | null;
  /** null: the function that a platform would call. */
  readonly entry: string | null;
}

/** Throws HP_MUX_SOURCE for what is no source file that can be read, HP_MUX_ENTRY. */
export function extractSource(path: string, source: string, options: ExtractOptions): Extraction {
  const module = readModule(path, source);
  const model = options.model ?? defaultModel(module.language);
  if (COST_MODELS[model].language !== module.language) {
    const message = `${path} is ${module.language}, and the cost model '${model}' is not.`;
    throw muxError('HP_MUX_SOURCE', message, { next: 'name a cost model of that language.' });
  }
  return extractInterface(module, new Machine(COST_MODELS[model]), model, options.entry);
}

function readModule(path: string, source: string): Module {
  const language = ENDINGS[extname(path)];
  if (source.length > MUX_LIMITS.source_chars) {
    const message = `${path} has ${source.length} characters; ${MUX_LIMITS.source_chars} are read.`;
    throw muxError('HP_MUX_SOURCE', message);
  }
  if (language === undefined) {
    const message = `${path} ends in none of ${Object.keys(ENDINGS).join(', ')}.`;
    throw muxError('HP_MUX_SOURCE', message);
  }
  if (language === 'python') return readPython(source);
  return readJavaScript(source, language === 'typescript');
}

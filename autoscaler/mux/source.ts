/** A source file into its tree, by what its name ends in. */
import { extname } from 'node:path';
import type { Attribute } from '../../agent/expression/attributes.ts';
import { isHotplaneError } from '../../base/errors.ts';
import { muxError } from './errors.ts';
import { type Extraction, defaultModel, extractInterface } from './extract.ts';
import { readJavaScript } from './javascript.ts';
import { MUX_LIMITS } from './limits.ts';
import { type Beside, Machine } from './machine.ts';
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

/** Whether the name of a file ends as one that can be read does. */
export function isSourceName(name: string): boolean {
  return Object.hasOwn(ENDINGS, extname(name));
}

export interface ExtractOptions {
  /** null: the one of the language. */
  readonly model: CostModelName | null;
  /** null: the function that a platform would call. */
  readonly entry: string | null;
  /** What is known of attributes, by their names: `size(object.key)`. */
  readonly attributes?: ReadonlyMap<string, Attribute>;
}

/** Texts of the files that lie beside the one that is read, by their names; they are followed. */
export type SourcesBeside = ReadonlyMap<string, string>;

/** Throws HP_MUX_SOURCE for what is no source file that can be read, HP_MUX_ENTRY. */
export function extractSource(
  path: string,
  source: string,
  options: ExtractOptions,
  beside: SourcesBeside = new Map(),
): Extraction {
  const module = readModule(path, source);
  const model = options.model ?? defaultModel(module.language);
  if (COST_MODELS[model].language !== module.language) {
    const message = `${path} is ${module.language}, and the cost model '${model}' is not.`;
    throw muxError('HP_MUX_SOURCE', message, { next: 'name a cost model of that language.' });
  }
  const { attributes: given = new Map() } = options;
  const input = { beside: finderOf(module.language, beside), given };
  const machine = new Machine(COST_MODELS[model], input);
  return extractInterface(module, machine, model, options.entry);
}

/** A file beside by how it is imported: `ops`, `.ops.flip`, `./seeded.mjs`, `./seeded`. */
function finderOf(language: Module['language'], sources: SourcesBeside): Beside {
  const trees = new Map<string, Module>();
  const endings = Object.entries(ENDINGS).flatMap(([ending, of]) =>
    (of === 'python') === (language === 'python') ? [ending] : [],
  );
  return (name) => {
    const [stem = '', ...members] =
      language === 'python'
        ? name.replace(/^\./, '').split('.')
        : [/^\.\/([^/]+)$/.exec(name)?.[1]];
    const file = ['', ...endings]
      .map((ending) => `${stem}${ending}`)
      .find((one) => sources.has(one));
    const source = file === undefined ? undefined : sources.get(file);
    if (file === undefined || source === undefined) return null;
    const tree = trees.get(file) ?? moduleOrNull(file, source);
    if (tree === null) return null;
    trees.set(file, tree);
    return { file, tree, members: members.map(String) };
  };
}

/** null: it is no source, and stays what its importer does not know. */
function moduleOrNull(file: string, source: string): Module | null {
  try {
    return readModule(file, source);
  } catch (error) {
    if (isHotplaneError(error)) return null;
    throw error;
  }
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

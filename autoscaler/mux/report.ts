/** What was extracted, for people, for programs, and as the block of a definition. Pure. */
import { jsonDocument } from '../../base/json.ts';
import { printable } from '../../base/printable.ts';
import type { Extraction, SymbolUse, InterfaceSizes } from './extract.ts';
import type { SourcePlace } from './machine.ts';
import { COST_MODELS } from './models.ts';
import type { Certainty } from './values.ts';

/** What a class says of the sizes. */
const CLASS_MEANINGS: Readonly<Record<Certainty, string>> = {
  exact: 'told by the payload alone, under the cost model',
  summary: 'up to what a library holds, which its summary says',
  attribute: 'needs a size that the platform knows and the payload does not',
  fitted: 'the shape alone: some of it is in data or was not followed; measure it',
  refused: 'not to be told from its source: size it by history',
};

/** How a class is called where it is printed. */
export const CLASS_NAMES: Readonly<Record<Certainty, string>> = {
  exact: 'exact',
  summary: 'up to a summary',
  attribute: 'needs an attribute',
  fitted: 'fitted',
  refused: 'refused',
};

export interface Extracted {
  readonly file: string;
  readonly extraction: Extraction;
}

/** Sizes, the lines that they are from, what was not followed, and the block to copy. */
export function renderExtraction({ file, extraction }: Extracted): string {
  const { entry, entry_line, certainty, model, cold, warm, terms, remarks } = extraction;
  const rows = terms.map(({ what, bytes, is_freed, source, ...place }) => {
    const end = is_freed ? 'freed' : 'kept ';
    return `  ${linePlace(place).padEnd(6)} ${end} ${bytes.text}   ${printable(what)} (${printable(source)})`;
  });
  const notes = remarks.map(
    (one) => `  ${linePlace(one).padEnd(6)} ${CLASS_NAMES[one.certainty]}: ${printable(one.what)}`,
  );
  const block = manifestBlock(extraction);
  return [
    `${printable(file)}:${entry_line} ${printable(entry)}`,
    `class     ${CLASS_NAMES[certainty]}: ${CLASS_MEANINGS[certainty]}`,
    `model     ${model}: ${COST_MODELS[model].source}`,
    ...totalLines(cold),
    ...(warm ? ['a warm call', ...totalLines(warm)] : []),
    ...(rows.length > 0 ? ['', `terms, by the line of ${printable(file)}`, ...rows] : []),
    ...(notes.length > 0 ? ['', 'what lowers the class, or has to be known', ...notes] : []),
    ...(block === null ? [] : ['', block.trimEnd()]),
    '',
  ].join('\n');
}

/** `:12` of the file that is read, `ops.py:12` of one beside it. */
export function linePlace({ line, file }: SourcePlace): string {
  return `${printable(file ?? '')}:${line}`;
}

function totalLines({ consumed, freed, peak }: InterfaceSizes): string[] {
  return [`consumed  ${consumed.text}`, `freed     ${freed.text}`, `peak      ${peak.text}`];
}

/** One line a file: its class, and its peak. */
export function renderClasses(
  rows: readonly (Extracted | { file: string; error: string })[],
): string {
  const lines = rows.map((row) => {
    if ('error' in row) return `${'not read'.padEnd(19)} ${printable(row.file)}: ${row.error}`;
    const { certainty, peak, entry } = { ...row.extraction, peak: row.extraction.cold.peak.text };
    const told = peak.length > 120 ? `${peak.slice(0, 119)}…` : peak;
    const sizes = certainty === 'refused' ? '' : `   peak ${told}`;
    return `${CLASS_NAMES[certainty].padEnd(19)} ${printable(row.file)} ${printable(entry)}${sizes}`;
  });
  const counts = Object.entries(CLASS_NAMES).map(([certainty, name]) => {
    const of = rows.filter((row) => 'extraction' in row && row.extraction.certainty === certainty);
    return `${of.length} ${name}`;
  });
  return [...lines, '', `${rows.length} files: ${counts.join(', ')}`, ''].join('\n');
}

/** `expression:` of a definition; null where the sizes are no interface yet. */
export function manifestBlock({ certainty, cold, warm, symbols }: Extraction): string | null {
  if (certainty === 'fitted' || certainty === 'refused') return null;
  const parameters = symbols.flatMap(parameterLine);
  const attributes = symbols.filter(({ meaning }) => meaning.kind === 'attribute');
  return [
    'memory:',
    '  expression:',
    ...(parameters.length > 0 ? ['    parameters:', ...parameters] : []),
    ...(attributes.length > 0 ? ['    attributes:'] : []),
    ...attributes.map(
      ({ name, meaning }) =>
        `      "${name}": ${'max' in meaning && meaning.max !== null ? `{ max: ${meaning.max} }` : '{}'}`,
    ),
    ...expressionLines(cold, '    '),
    ...(warm ? ['    warm:', ...expressionLines(warm, '      ')] : []),
    '',
  ].join('\n');
}

function parameterLine({ name, meaning }: SymbolUse): string[] {
  if (meaning.kind !== 'parameter') return [];
  const pointer = JSON.stringify(meaning.pointer);
  const key = /^\w+$/.test(name) ? name : JSON.stringify(name);
  if (meaning.measure === 'value') return [`      ${key}: ${pointer}`];
  return [`      ${key}: { pointer: ${pointer}, measure: length }`];
}

function expressionLines({ consumed, freed, peak }: InterfaceSizes, indent: string): string[] {
  const named = { consumed, freed, peak };
  return Object.entries(named).map(([name, { text }]) => `${indent}${name}: "${text}"`);
}

/** Everything, for programs. */
export function extractionJson(
  rows: readonly (Extracted | { file: string; error: string })[],
): string {
  const documents = rows.map((row) => ('error' in row ? row : extractionDocument(row)));
  const [only] = documents;
  return jsonDocument(documents.length === 1 && only ? only : documents);
}

/** What is told of one function. */
export function extractionDocument({ file: path, extraction }: Extracted) {
  const { entry, entry_line, certainty, model, cold, warm, terms, symbols, remarks } = extraction;
  return {
    file: path,
    entry,
    entry_line,
    class: CLASS_NAMES[certainty],
    model,
    ...textsOf(cold),
    warm: warm ? textsOf(warm) : null,
    terms: terms.map((term) => ({ ...term, bytes: term.bytes.text })),
    symbols: symbols.map(({ name, meaning }) => ({ name, ...meaning })),
    remarks: remarks.map(({ line, file, what, certainty: least }) => ({
      line,
      file,
      what,
      class: CLASS_NAMES[least],
    })),
  };
}

function textsOf({ consumed, freed, peak }: InterfaceSizes): Record<string, string> {
  return { consumed: consumed.text, freed: freed.text, peak: peak.text };
}

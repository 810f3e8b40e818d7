/** Lines fit into 100 columns, so that two files can be read side by side. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT_ROOT } from '../../base/paths.ts';
import { isGenerated, productFolders } from './sources.ts';

const COLUMNS = 100;
/** As C is written here; TypeScript has no tabs. */
const TAB = 8;
/** What stands between quotes, and a regular expression, cannot be broken where a line is full. */
const LITERAL =
  /'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|`(?:[^`\\]|\\.)*`|\/(?:[^/\\\s]|\\.){8,}\/\w*/g;
/** One that has the line for itself, spaces and all. */
const PATTERN = /^\s*\/(?![/*]).*\/\w*[;,]?$/;
const COMMENT = /^\s*(?:\/\*|\*|\/\/)/;

function widthOf(line: string): number {
  let width = 0;
  for (const sign of line) width += sign === '\t' ? TAB - (width % TAB) : 1;
  return width;
}

/**
 * Lines that are too long. A comment has no excuse but a word that is longer than half a line.
 * Code is excused by a literal without which it is short, and by being the text of a template.
 */
export function tooLong(text: string): readonly string[] {
  let ticks = 0;
  const found: string[] = [];
  for (const [at, line] of text.split('\n').entries()) {
    const in_template = ticks % 2 === 1;
    if (!COMMENT.test(line)) ticks += line.match(/(?<!\\)`/g)?.length ?? 0;
    if (in_template || widthOf(line) <= COLUMNS || PATTERN.test(line)) continue;
    const rest = COMMENT.test(line)
      ? line.replaceAll(/\S{50,}/g, '')
      : line.replaceAll(LITERAL, "''");
    if (rest === line || widthOf(rest) > COLUMNS) found.push(`${at + 1}: ${line.trim()}`);
  }
  return found;
}

/** Files with lines: TypeScript, JavaScript and C, tests and tools too; generated ones are not. */
export function readLined(): readonly (readonly [path: string, text: string])[] {
  return [...productFolders(), 'test', 'tools']
    .flatMap((folder) => globSync(`${folder}/**/*.{ts,js,c,h}`, { cwd: PROJECT_ROOT }))
    .filter((path) => !isGenerated(path))
    .map((path) => [path, readFileSync(join(PROJECT_ROOT, path), 'utf8')]);
}

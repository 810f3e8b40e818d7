/** Lines fit into 100 columns, so that two files can be read side by side. */
import test from 'ava';
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
function tooLong(text: string): readonly string[] {
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

test('a line is at most 100 columns wide, or a text that cannot be cut there', (t) => {
  const folders = [...productFolders(), 'test', 'tools'];
  const files = folders
    .flatMap((folder) => globSync(`${folder}/**/*.{ts,js,c,h}`, { cwd: PROJECT_ROOT }))
    .filter((path) => !isGenerated(path));
  t.true(files.length > 600, `only ${files.length} files were seen`);
  const long = files.flatMap((path) =>
    tooLong(readFileSync(join(PROJECT_ROOT, path), 'utf8')).map((line) => `${path}:${line}`),
  );
  t.deepEqual(long, []);
});

for (const [what, text, expected] of [
  ['a comment', `/** ${'word '.repeat(20)}*/`, 1],
  ['a comment with an address', `// ${'a'.repeat(120)}`, 0],
  ['code', `const a = ${'b + '.repeat(30)}1;`, 1],
  ['code with a long text', `  throw new Error('${'word '.repeat(30)}');`, 0],
  ['code that is long without its text', `${'b + '.repeat(30)}'text'`, 1],
  ['a regular expression', `  /${'word|'.repeat(30)}a b/g;`, 0],
  ['text of a template', `const a = \`\n${'word '.repeat(30)}\n\`;`, 0],
  ['code after a template', `const a = \`\n\`;\nconst a = ${'b + '.repeat(30)}1;`, 1],
  ['tabs', `${'\t'.repeat(12)}a = 1234567;`, 1],
] as const) {
  test(`${expected === 1 ? 'too long' : 'excused'}: ${what}`, (t) => {
    t.is(tooLong(text).length, expected);
  });
}

/** What counts as a line that is too long; architecture.test.ts looks at all of them. */
import test from 'ava';
import { tooLong } from './columns.ts';

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

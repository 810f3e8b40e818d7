/** Whatever shows a promise is there, and is run. */
import test from 'ava';
import { existsSync, globSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT_ROOT } from '../../base/paths.ts';

const read = (path: string): string => readFileSync(join(PROJECT_ROOT, path), 'utf8');
const ENVIRONMENT = read('docs/environment.md');
const SCRIPTS: Readonly<Record<string, string>> = JSON.parse(read('package.json')).scripts;
/** Selftests and KUnit suites are named as the patches define them. */
const SERIES = globSync('guest-kernel-patches/*.patch', { cwd: PROJECT_ROOT }).map(read).join('');

/** What is wrong with one word of a "shown by"; null when it shows something. */
function troubleOf(word: string): string | null {
  if (/^[\w.-]+\/[\w./-]*$/.test(word)) return troubleOfPath(word);
  const variable = /^(HOTPLANE_\w+)=\w+$/.exec(word)?.[1];
  if (variable !== undefined) return ENVIRONMENT.includes(`\`${variable}\``) ? null : 'no variable';
  const script = /^npm run (\S+)$/.exec(word)?.[1];
  if (script !== undefined) return script in SCRIPTS ? null : 'no script';
  const program = /^node (\S+)/.exec(word)?.[1];
  if (program !== undefined) return existsSync(join(PROJECT_ROOT, program)) ? null : 'no program';
  const named = /^(\w+)(\*?)$/.exec(word);
  if (named === null) return 'not understood';
  const end = named[2] === '*' ? '' : String.raw`\b`;
  return new RegExp(String.raw`"${named[1]}${end}|\b${named[1]}${end}`).test(SERIES)
    ? null
    : 'in no patch of the series';
}

/** Every file that ends in .test.ts below test/ is run by `npm test`, see tools/run.ts. */
function troubleOfPath(path: string): string | null {
  const at = join(PROJECT_ROOT, path);
  if (!existsSync(at)) return 'not there';
  if (path.endsWith('.md')) return null;
  if (!statSync(at).isDirectory()) {
    return /^test\/.*\.test\.ts$/.test(path) ? null : 'not run by npm test';
  }
  return globSync(`${path}/**/*.ts`, { cwd: PROJECT_ROOT }).length > 0 ? null : 'empty';
}

/** The last column of the rows of a table, by the first or whatever it is named by. */
function shownBy(page: string): { row: string; words: string[] }[] {
  const rows = read(page)
    .split('\n')
    .filter((line) => /^\| (?!-|tries |# )/.test(line))
    .map((line) => line.slice(2, -2).split(' | '))
    .filter((cells) => cells.length === 3);
  return rows.map((cells) => ({
    row: cells[0] ?? '',
    words: [...(cells[2] ?? '').matchAll(/`([^`]+)`/g)].map(([, word = '']) => word),
  }));
}

test('each promise of SPECIFICATION.md has something that shows it, and it is there', (t) => {
  const rows = shownBy('SPECIFICATION.md');
  t.true(rows.length >= 37, `${rows.length} promises were found`);
  const wrong = rows.flatMap(({ row, words }) => [
    ...(words.length === 0 ? [`${row}: nothing shows it`] : []),
    ...words.flatMap((word) => (troubleOf(word) ? [`${row}: ${word}: ${troubleOf(word)}`] : [])),
  ]);
  t.deepEqual(wrong, []);
});

test('what the threat model names as shown is there', (t) => {
  const words = shownBy('docs/threat-model.md').flatMap((one) => one.words);
  const paths = words.filter((word) => word.startsWith('test/'));
  t.true(paths.length >= 10);
  t.deepEqual(
    paths.filter((path) => troubleOf(path)),
    [],
  );
});

test('a path that is gone, a script nobody wrote and a selftest of no patch are found', (t) => {
  t.is(troubleOf('test/agent/never.test.ts'), 'not there');
  t.is(troubleOf('test/agent/core/world.ts'), 'not run by npm test');
  t.is(troubleOf('npm run never'), 'no script');
  t.is(troubleOf('node test/never.ts'), 'no program');
  t.is(troubleOf('HOTPLANE_NEVER=1'), 'no variable');
  t.is(troubleOf('never_ever'), 'in no patch of the series');
});

/** Every code is in one table, is used, and is told in docs/errors.md. */
import test from 'ava';
import { readFile } from 'node:fs/promises';
import { COMMANDS } from '../../cli/commands.ts';
import { CODE_ROOMS, PAGE_PATH, renderPage } from '../../tools/errors-page.ts';
import { readSources } from '../architecture/sources.ts';

const SOURCES = readSources().filter(({ path }) => !path.includes('/testing/'));
const CODES = CODE_ROOMS.flatMap(({ codes }) => Object.keys(codes));

/** Made of an error that came from elsewhere, so that its code is in a table already. */
const PASS_ON = [
  'agent/api/status-codes.ts',
  'agent/model/failure.ts',
  'autoscaler/replay/errors.ts',
  'base/errors.ts',
  'cli/commands/invoke.ts',
];

test('docs/errors.md is up to date', async (t) => {
  const next = "'node tools/errors-page.ts' writes it anew";
  t.is(await readFile(PAGE_PATH, 'utf8'), renderPage(CODE_ROOMS), next);
});

test('a code is in one table', (t) => {
  t.true(CODES.length > 150);
  t.deepEqual(
    CODES.filter((code, index) => CODES.indexOf(code) !== index),
    [],
  );
});

test('every code in the sources is in a table', (t) => {
  const told = SOURCES.flatMap(({ code, path }) =>
    [...code.matchAll(/'(HP_[A-Z0-9_]*[A-Z0-9])'/g)].map(([, one = '']) => ({ one, path })),
  );
  t.deepEqual(
    told.filter(({ one }) => !CODES.includes(one)),
    [],
  );
});

test('every code of a table is used', (t) => {
  const uses = SOURCES.map(({ code }) => code.replaceAll(/^ {2}HP_\w+: \{/gm, '')).join('\n');
  const launcher = ['HP_CLI_NO_NODE'];
  const unused = CODES.filter((code) => !uses.includes(`'${code}'`) && !launcher.includes(code));
  t.deepEqual(unused, []);
});

test('errors are made from the tables', (t) => {
  const own = SOURCES.filter(({ code }) => /new HotplaneError\(/.test(code));
  t.deepEqual(
    own.map(({ path }) => path).filter((path) => !PASS_ON.includes(path)),
    [],
  );
});

test('a meaning and a next step are sentences', (t) => {
  for (const [code, { meaning, next }] of CODE_ROOMS.flatMap(({ codes }) =>
    Object.entries(codes),
  )) {
    t.regex(meaning, /^[A-Z`].*\.$/, code);
    t.regex(next, /[.?]$|\.ts'?$/, code);
  }
});

const isCommand = (words: string): boolean =>
  COMMANDS.some(({ name }) => `${words} `.startsWith(`${name} `));

test('every command that a message names is there', (t) => {
  const named = SOURCES.flatMap(({ code, path }) =>
    [...code.matchAll(/['`]hotplane ([a-z]+(?: [a-z]+)?)\b/g)].map(([, words = '']) => ({
      words,
      path,
    })),
  );
  t.true(named.length > 10);
  t.deepEqual(
    named.filter(({ words }) => !isCommand(words)),
    [],
  );
});

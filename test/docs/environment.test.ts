/** docs/environment.md names every variable that the sources read, and no other. */
import test from 'ava';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT_ROOT } from '../../base/paths.ts';

const PAGE = readFileSync(join(PROJECT_ROOT, 'docs', 'environment.md'), 'utf8');

/** How a variable is read, in TypeScript, JavaScript and C. */
const READS = [
  /\benv(?:ironment)?\??\.?\[['"]([A-Z][A-Z0-9_]+)['"]\]/g,
  /\benv\.([A-Z][A-Z0-9_]+)\b/g,
  /\bnumberOf\('([A-Z][A-Z0-9_]+)'/g,
  /\b[A-Z_]*_VARIABLE(?: = |\s+)['"]([A-Z][A-Z0-9_]+)['"]/g,
  /\b(?:getenv|is_set)\("([A-Z][A-Z0-9_]+)"/g,
];
/** `{ PATH = '', HOME } = process.env`. */
const UNPACKED = /\{([^{}]*)\} = process\.env\b/g;

const SOURCES = globSync('**/*.{ts,js,c,h}', {
  cwd: PROJECT_ROOT,
  exclude: (name) => /^(node_modules|dist|coverage|results|\.git|fixture)$/.test(name),
}).map((path) => readFileSync(join(PROJECT_ROOT, path), 'utf8'));

function readBySources(): Set<string> {
  const names = new Set<string>();
  for (const text of SOURCES) {
    for (const pattern of READS)
      for (const [, name = ''] of text.matchAll(pattern)) names.add(name);
    for (const [, list = ''] of text.matchAll(UNPACKED)) {
      for (const [name] of list.matchAll(/\b[A-Z][A-Z0-9_]+\b/g)) names.add(name);
    }
  }
  return names;
}

/** The names in the first column of all tables. */
function namedByPage(): Set<string> {
  const cells = PAGE.split('\n').flatMap((line) => /^\| (`[^|]*) \|/.exec(line)?.[1] ?? []);
  return new Set(
    cells.flatMap((cell) => [...cell.matchAll(/`(\w+)`/g)].map(([, one = '']) => one)),
  );
}

/** Made up by tests, to be told apart from what the environment holds. */
const MADE_UP = ['S'];

/** What an interface tells a program inside the guest, which knows it from elsewhere. */
const OF_FUNCTIONS = ['AWS_LAMBDA_RUNTIME_API'];

test('every variable that is read is on the page', (t) => {
  const named = namedByPage();
  const others = new Set([...MADE_UP, ...OF_FUNCTIONS]);
  const missing = [...readBySources()].filter((name) => !named.has(name) && !others.has(name));
  t.deepEqual(missing, []);
  t.true(readBySources().has('HOTPLANE_CACHE') && readBySources().has('HOTPLANE_FAULT'));
});

test('every variable on the page is in the sources', (t) => {
  const unknown = [...namedByPage()].filter(
    (name) => !SOURCES.some((text) => new RegExp(String.raw`\b${name}\b`).test(text)),
  );
  t.deepEqual(unknown, []);
  t.true(namedByPage().size > 25);
});

/** Commands, paths, options and links of the pages for developers are there. */
import test from 'ava';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DUMP_SCHEMA_VERSION } from '../../agent/core/dump.ts';
import { READ_VERSIONS, SCHEMA_VERSION } from '../../autoscaler/results/schema.ts';
import { EXIT_CODES } from '../../base/errors.ts';
import { PROJECT_ROOT } from '../../base/paths.ts';
import { CHECK_EXIT_CODES } from '../../bench/kernel/records.ts';
import { COMMANDS } from '../../cli/commands.ts';
import { PROTOCOL } from '../../guest/protocol/constants.ts';
import { overview } from '../../cli/help.ts';

const PAGES = [
  'CONTRIBUTING.md',
  'SECURITY.md',
  'docs/hacking.md',
  'docs/compatibility.md',
  'docs/kernel-ci.md',
];

const read = (path: string): string => readFileSync(join(PROJECT_ROOT, path), 'utf8');
const there = (path: string): boolean => existsSync(join(PROJECT_ROOT, path));
const SCRIPTS: Readonly<Record<string, string>> = JSON.parse(read('package.json')).scripts;

/** What is wrong with one command line; null when all it names is there. */
function troubleOf(line: string): string | null {
  const [first = '', ...words] = line
    .replace(/\s+#.*$|\s*&$/, '')
    .replaceAll(/^(?:[A-Z0-9_]+=\S+ )+/g, '')
    .split(/\s+/);
  const lost = words.find(
    (word) => /^(test|tools|docs|cli|bin)\/[\w./-]+$/.test(word) && !there(word),
  );
  if (lost !== undefined) return `${lost} is not there`;
  if (first === 'npm') {
    const [verb = '', script = ''] = words;
    if (verb === 'test' || verb === 'pack') return null;
    return verb === 'run' && script in SCRIPTS ? null : `no script ${script}`;
  }
  if (first === 'npx') return there(`node_modules/.bin/${words[0]}`) ? null : `no tool ${words[0]}`;
  if (first === 'node' && words[0] === 'bin/hotplane.js') return troubleOfCommand(words.slice(1));
  return /^(node|tail|kill|git)$/.test(first) ? null : 'not understood';
}

function troubleOfCommand(words: readonly string[]): string | null {
  const command = COMMANDS.find(({ name }) => `${words.join(' ')} `.startsWith(`${name} `));
  if (!command) return 'no such command';
  const options = words.filter((word) => word.startsWith('--')).map((word) => word.slice(2));
  const unknown = options.find((name) => !(name in command.options));
  return unknown === undefined ? null : `no option --${unknown}`;
}

function linesOf(page: string): string[] {
  const blocks = [...read(page).matchAll(/^ *```\n([\s\S]*?)^ *```$/gm)].map(
    ([, text = '']) => text,
  );
  return blocks.flatMap((text) => text.split('\n')).filter((line) => /^ *[a-zA-Z_]/.test(line));
}

test('every command of the page for hackers names what is there', (t) => {
  const lines = linesOf('docs/hacking.md');
  t.true(lines.length > 25);
  const wrong = lines.flatMap((line) => (troubleOf(line) ? [`${line}: ${troubleOf(line)}`] : []));
  t.deepEqual(wrong, []);
});

test('the page for kernel CI names commands, options and exit codes that are there', (t) => {
  const page = read('docs/kernel-ci.md');
  const named = [
    ...page.matchAll(/(?:hotplane|bin\/hotplane\.js) (kernel (?:check|bisect))(?= --)([^`|\n]*)/g),
  ];
  t.true(named.length >= 4);
  const wrong = named.flatMap(([, name = '', rest = '']) => {
    const trouble = troubleOfCommand(`${name}${rest}`.trim().split(/\s+/));
    return trouble === null ? [] : [`${name}${rest}: ${trouble}`];
  });
  t.deepEqual(wrong, []);
  for (const code of Object.values(CHECK_EXIT_CODES)) t.regex(page, new RegExp(`\\b${code} a\\s`));
});

test('what is not there is found', (t) => {
  t.is(troubleOf('npm run never'), 'no script never');
  t.is(troubleOf('npx never --flag'), 'no tool never');
  t.is(troubleOf('A=1 npx ava test/never.test.ts'), 'test/never.test.ts is not there');
  t.is(troubleOf('node bin/hotplane.js deploy f --never 1'), 'no option --never');
  t.is(troubleOf('node bin/hotplane.js never'), 'no such command');
  t.is(troubleOf('rm -rf /'), 'not understood');
});

for (const page of PAGES) {
  test(`${page}: links and paths lead somewhere`, (t) => {
    const text = read(page);
    const links = [...text.matchAll(/\]\(([^)#]+)[^)]*\)/g)].map(([, to = '']) => to);
    const paths = [...text.matchAll(/`((?:agent|base|docs|test|tools|setup)\/[\w./-]+)`/g)];
    t.deepEqual(
      [
        ...links.filter((to) => !there(join(dirname(page), to))),
        ...paths.map(([, path = '']) => path).filter((path) => !there(path)),
      ],
      [],
    );
    t.true(links.length > 0);
  });
}

test('every table of a page has a head, without which its rows are text', (t) => {
  const pages = globSync(['*.md', 'docs/*.md', 'guest-kernel-patches/*.md'], { cwd: PROJECT_ROOT });
  const tables = pages.flatMap((page) =>
    [...read(page).matchAll(/(?<=\n(?!\|)[^\n]*\n)\|[^\n]*\n[^\n]*/g)].map(([rows]) => ({
      page,
      rows,
    })),
  );
  t.true(tables.length > 50, `${tables.length} tables`);
  const wrong = tables.filter(({ rows }) => !/\n\|[-:| ]+\|$/.test(rows));
  t.deepEqual(wrong, []);
});

test('exit codes are the same in the sources, in --help and on the page', (t) => {
  const rows = read('docs/compatibility.md').matchAll(/^\| (\d+) \| [^|]+ \| ([^|]*) \|$/gm);
  const told = new Map([...rows].map(([, code, names = '']) => [Number(code), names]));
  for (const [category, code] of Object.entries(EXIT_CODES)) {
    if (category !== 'ok') t.true(told.get(code)?.includes(`\`${category}\``), category);
    t.regex(overview(COMMANDS), new RegExp(`^  ${code} +\\S`, 'm'));
  }
  t.deepEqual(
    [...told.keys()].toSorted((a, b) => a - b),
    [...new Set(Object.values(EXIT_CODES))].toSorted((a, b) => a - b),
  );
});

test('the versions of formats on the page are those of the sources', (t) => {
  const page = read('docs/compatibility.md');
  const [, api = ''] = /^package ([\w.]+);/m.exec(read('agent/api/agent.proto')) ?? [];
  t.true(page.includes(`package \`${api}\``), api);
  t.true(page.includes(`\`manifest.json\` (${SCHEMA_VERSION}; ${READ_VERSIONS[0]} is read)`));
  t.regex(page, new RegExp(`decision state .*\`schema_version\` \\(${DUMP_SCHEMA_VERSION}\\)`));
  t.true(page.includes(`the agent speaks ${PROTOCOL.version_max}`));
});

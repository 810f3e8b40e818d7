/** Limits stand beside those who go by them, and none stands there for nobody. */
import test from 'ava';
import { basename, join } from 'node:path';
import { PROJECT_ROOT } from '../../base/paths.ts';
import { readSources } from './sources.ts';

const SOURCES = readSources();

interface Limit {
  readonly file: string;
  /** `LIMITS.plug_ms`. */
  readonly name: string;
}

async function allLimits(): Promise<readonly Limit[]> {
  const files = SOURCES.map(({ path }) => path).filter((path) => basename(path) === 'limits.ts');
  const found: Limit[] = [];
  for (const file of files) {
    const exported: Record<string, object> = await import(join(PROJECT_ROOT, file));
    for (const [table, limits] of Object.entries(exported)) {
      found.push(...Object.keys(limits).map((key) => ({ file, name: `${table}.${key}` })));
    }
  }
  return found;
}

const usersOf = ({ file, name }: Limit): readonly string[] =>
  SOURCES.filter(({ path, code }) => path !== file && new RegExp(`\\b${name}\\b`).test(code)).map(
    ({ path }) => path,
  );

test('every limit is used', async (t) => {
  const limits = await allLimits();
  t.true(limits.length > 80, `only ${limits.length} limits were found`);
  const unused = limits.filter((limit) => usersOf(limit).length === 0);
  t.deepEqual(unused, []);
});

test('a table of limits has a name of its own', async (t) => {
  const homes = new Map((await allLimits()).map(({ file, name }) => [file, name.split('.')[0]]));
  t.is(new Set(homes.values()).size, homes.size);
});

test('the limits in base are those of more than one folder, or of base itself', async (t) => {
  const alone = (await allLimits())
    .filter(({ file }) => file.startsWith('base/'))
    .map((limit) => ({ ...limit, folders: foldersOf(usersOf(limit)) }))
    .filter(({ folders }) => folders.length < 2 && folders[0] !== 'base');
  t.deepEqual(alone, []);
});

test('the limits of a folder are used in it', async (t) => {
  const elsewhere = (await allLimits())
    .filter(({ file }) => !file.startsWith('base/'))
    .filter((limit) => {
      const [home = ''] = limit.file.split('/');
      return !foldersOf(usersOf(limit)).includes(home);
    });
  t.deepEqual(elsewhere, []);
});

function foldersOf(paths: readonly string[]): readonly string[] {
  return [...new Set(paths.map((path) => path.split('/')[0] ?? ''))];
}

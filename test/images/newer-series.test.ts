/**
 * Goal: the series for a newer Linux can be taken as it stands, and says nothing twice.
 * Method: both folders are read as a check reads them, and their patches line by line.
 */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import test from 'ava';
import { PROJECT_ROOT } from '../../base/paths.ts';
import { parseConfig } from '../../images/kernel/config.ts';
import { givenParts, kernelParts, parseSeries } from '../../images/kernel/recipe.ts';
import { isOfLine } from '../../images/kernel/version.ts';

const OLD = join(PROJECT_ROOT, 'guest-kernel-patches');
const NEWER = join(OLD, 'newer');

const read = async (...path: readonly string[]): Promise<string> =>
  await readFile(join(...path), 'utf8');
const seriesOf = async (dir: string): Promise<readonly string[]> =>
  parseSeries(await read(dir, 'series'));
const patchesIn = async (dir: string): Promise<readonly string[]> =>
  (await readdir(dir)).filter((name) => name.endsWith('.patch') && !name.startsWith('0000-'));

/** What a patch takes out and puts in, and between what: the same when it fits two bases. */
const hunksOf = (patch: string): string =>
  patch
    .slice(patch.indexOf('\ndiff --git '))
    .split('\n')
    .filter((line) => /^[-+ ]/.test(line))
    .join('\n');

test('the newer series is the patches of 6.12 in their order, its own or those', async (t) => {
  const names = await seriesOf(NEWER);
  const all = await seriesOf(OLD);
  t.deepEqual(
    names.map((name) => basename(name)),
    all.slice(0, names.length),
  );
  const same = (await read(NEWER, 'REVISION')) === (await read(OLD, 'REVISION'));
  t.is(same, names.length === all.length, 'what a later revision has more stands at its end');
  for (const name of names) t.true(['.', '..'].includes(dirname(name)), name);
  t.deepEqual(
    (await patchesIn(NEWER)).toSorted(),
    names.filter((name) => dirname(name) === '.'),
    'no patch lies there that is not named',
  );
});

test('a patch that is the same on both bases stands only once', async (t) => {
  for (const name of await patchesIn(NEWER)) {
    t.not(hunksOf(await read(NEWER, name)), hunksOf(await read(OLD, name)), name);
  }
});

for (const dir of [OLD, NEWER]) {
  test(`${basename(dir)}: each patch is a mail with its number and a sign-off to be filled in`, async (t) => {
    const names = await seriesOf(dir);
    for (const [index, name] of names.entries()) {
      const patch = await read(dir, name);
      const { length } = dirname(name) === '.' ? names : await seriesOf(OLD);
      const place = `${String(index + 1).padStart(2, '0')}/${length}`;
      const placeholder = 'Placeholder for whoever sends this <placeholder@localhost>';
      t.true(patch.startsWith(`From ${'0'.repeat(40)} Mon Sep 17 00:00:00 2001\n`), name);
      t.true(patch.includes(`\nFrom: ${placeholder}\n`), name);
      t.true(patch.includes(`\nSubject: [PATCH ${place}] `), name);
      t.true(patch.includes(`\nSigned-off-by: ${placeholder}\n---\n`), name);
      t.is(patch.match(/^[a-z-]+-by: /gim)?.length, 1, name);
    }
  });
}

test('the newer series is for a line of its own, and of no revision that is to come', async (t) => {
  const base = (await read(NEWER, 'base')).trim();
  t.regex(base, /^\d+\.\d+(\.\d+)?$/);
  t.false(isOfLine(base));
  t.true(Number(await read(NEWER, 'REVISION')) <= Number(await read(OLD, 'REVISION')));
});

test('a check takes the patches, the revision, and the options of the newer line', async (t) => {
  for (const variant of ['stock', 'hotmem'] as const) {
    const given = await givenParts(variant, { dir: NEWER, fragment: null });
    const own = await kernelParts(variant);
    const { length } = variant === 'stock' ? [] : await seriesOf(NEWER);
    t.is(given.patches.length, length);
    t.is(given.patch_texts.length, length);
    t.deepEqual(given.fragments.slice(0, -1), own.fragments, 'the same configuration before them');
    const [options] = given.fragments.slice(-1);
    t.is(options?.name, 'tree.config');
    t.is(parseConfig(options?.text ?? '').get('CONFIG_SYSCTL'), 'y');
  }
  const { series_revision } = await givenParts('hotmem', { dir: NEWER, fragment: null });
  t.is(series_revision, (await read(NEWER, 'REVISION')).trim());
});

for (const has_series of [true, false]) {
  const how = has_series ? 'a file series' : 'patches alone';
  test(`a folder with ${how}, named from here, has patches that are found from the tree`, async (t) => {
    const dir = await mkdtemp(join(tmpdir(), 'hotplane-series-'));
    t.teardown(() => rm(dir, { recursive: true, force: true }));
    if (has_series) await writeFile(join(dir, 'series'), '0001-a.patch\n');
    await writeFile(join(dir, '0001-a.patch'), '--- a\n');
    const { patches } = await givenParts('hotmem', { dir: relative('.', dir), fragment: null });
    t.deepEqual(patches, [{ name: '0001-a.patch', path: join(dir, '0001-a.patch') }]);
  });
}

test('options of a series come behind the configuration and before those of the user', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'hotplane-series-'));
  t.teardown(() => rm(dir, { recursive: true, force: true }));
  await mkdir(join(dir, 'config'));
  await writeFile(join(dir, 'series'), '');
  await writeFile(join(dir, 'config/microvm.config'), 'CONFIG_A=y\n');
  const fragment = { name: 'mine', text: 'CONFIG_C=y\n' };
  const names = async (): Promise<readonly string[]> =>
    (await givenParts('stock', { dir, fragment })).fragments.map(({ name }) => name);
  t.deepEqual(await names(), ['microvm.config', 'mine']);
  await writeFile(join(dir, 'tree.config'), 'CONFIG_B=y\n');
  t.deepEqual(await names(), ['microvm.config', 'tree.config', 'mine']);
});

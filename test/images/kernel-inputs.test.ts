import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test from 'ava';
import { HotplaneError } from '../../base/errors.ts';
import { cacheDir } from '../../base/paths.ts';
import { contentKey, hashFile } from '../../images/cache/content-hash.ts';
import { ensureGuest } from '../../images/index.ts';
import {
  checkKernelConfig,
  lostOptions,
  mergeFragments,
  parseConfig,
} from '../../images/kernel/config.ts';
import { isOfParts, listKernels } from '../../images/kernel/lookup.ts';
import { kernelKey, kernelParts, parseSeries } from '../../images/kernel/recipe.ts';
import { findKernelSource } from '../../images/kernel/source.ts';
import { parseKernelVersion } from '../../images/kernel/version.ts';
import { makeDetail } from '../../images/kernel/make-output.ts';

async function scratch(t: { teardown(fn: () => Promise<void>): void }): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'hotplane-inputs-'));
  t.teardown(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

test('the version of a tree is read from its Makefile', (t) => {
  t.is(
    parseKernelVersion('# c\nVERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 117\nEXTRAVERSION =\n'),
    '6.12.117',
  );
  t.is(parseKernelVersion('VERSION = 7\nPATCHLEVEL = 0\nSUBLEVEL =\n'), '7.0');
  t.is(parseKernelVersion('all:\n\techo hi\n'), null);
});

test('a tree of another version is refused, naming what was found and what to do', async (t) => {
  const kernel_tree = await scratch(t);
  await writeFile(join(kernel_tree, 'Makefile'), 'VERSION = 6\nPATCHLEVEL = 1\nSUBLEVEL = 90\n');
  const error = await t.throwsAsync(ensureGuest({ variant: 'stock', kernel_tree }), {
    instanceOf: HotplaneError,
    code: 'HP_IMAGE_KERNEL_VERSION',
  });
  t.regex(error?.message ?? '', /is Linux 6\.1\.90; hotplane builds Linux 6\.12/);
  t.regex(error?.next ?? '', /--kernel-tree/);
  t.is(error?.exit_code, 2);
});

test('6.120 is not 6.12', async (t) => {
  const kernel_tree = await scratch(t);
  await writeFile(join(kernel_tree, 'Makefile'), 'VERSION = 6\nPATCHLEVEL = 120\nSUBLEVEL = 1\n');
  await t.throwsAsync(ensureGuest({ variant: 'stock', kernel_tree }), {
    code: 'HP_IMAGE_KERNEL_VERSION',
  });
});

test('a folder that is no kernel and a folder that is not there are named', async (t) => {
  const dir = await scratch(t);
  for (const kernel_tree of [dir, join(dir, 'missing')]) {
    const error = await t.throwsAsync(ensureGuest({ variant: 'stock', kernel_tree }), {
      code: 'HP_IMAGE_KERNEL_SOURCE',
    });
    t.true(error?.message.includes(kernel_tree));
  }
});

test('without the Debian package the message says how to install it', async (t) => {
  const dir = await scratch(t);
  const error = await t.throwsAsync(
    findKernelSource(undefined, dir, join(dir, 'linux-source-6.12.tar.xz')),
    { code: 'HP_IMAGE_KERNEL_SOURCE', instanceOf: HotplaneError },
  );
  t.regex(error?.next ?? '', /apt-get install linux-source-6\.12/);
});

test('a change of any file in a tree changes its identity, a second look does not', async (t) => {
  const tree = await scratch(t);
  await mkdir(join(tree, 'mm'));
  await writeFile(join(tree, 'Makefile'), 'VERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 1\n');
  await writeFile(join(tree, 'mm/slub.c'), 'a');
  const first = await findKernelSource(tree, tree);
  t.deepEqual(await findKernelSource(tree, tree), first);
  await writeFile(join(tree, 'mm/slub.c'), 'ab');
  t.not((await findKernelSource(tree, tree)).identity, first.identity);
});

test('content keys keep the borders between inputs and ignore their order', (t) => {
  t.is(contentKey({ a: '1', b: '2' }), contentKey({ b: '2', a: '1' }));
  t.not(contentKey({ a: '12', b: '' }), contentKey({ a: '1', b: '2' }));
  t.not(contentKey({ a: '1' }), contentKey({ a: '1', b: '' }));
});

test('the hash of a file is remembered until the file changes', async (t) => {
  const dir = await scratch(t);
  const path = join(dir, 'source');
  await writeFile(path, 'one');
  const one = await hashFile(path, join(dir, 'memo'));
  t.is(await hashFile(path, join(dir, 'memo')), one);
  await writeFile(path, 'three');
  t.not(await hashFile(path, join(dir, 'memo')), one);
});

test('a later fragment wins, and an option the kernel dropped is an error', (t) => {
  const merged = mergeFragments([
    'CONFIG_A=y\n# CONFIG_B is not set\n',
    'CONFIG_B=y\nCONFIG_C="x y"\n',
  ]);
  t.is(merged, 'CONFIG_A=y\nCONFIG_B=y\nCONFIG_C="x y"\n');
  t.is(parseConfig('# CONFIG_B is not set').get('CONFIG_B'), 'n');
  t.notThrows(() => checkKernelConfig('CONFIG_A=y\nCONFIG_Z=n\n', 'CONFIG_A=y\n'));
  const error = t.throws(() => checkKernelConfig(merged, 'CONFIG_A=y\nCONFIG_C="x y"\n'), {
    code: 'HP_IMAGE_KERNEL_CONFIG',
  });
  t.regex(error?.message ?? '', /CONFIG_B=y \(is n\)/);
});

for (const variant of ['stock', 'hotmem', 'debug'] as const) {
  test(`${variant}: user space has a console under every VMM, in fragments and built`, async (t) => {
    const parts = await kernelParts(variant);
    const wanted = parseConfig(mergeFragments(parts.fragments.map(({ text }) => text)));
    const serial = ['TTY', 'SERIAL_8250', 'SERIAL_8250_CONSOLE', 'PNP', 'SERIAL_8250_PNP'];
    for (const name of serial) t.is(wanted.get(`CONFIG_${name}`), 'y', name);
    const built = (await listKernels(cacheDir())).filter((found) => isOfParts(found, parts));
    for (const { name, kernel } of built) {
      const config = await readFile(join(dirname(kernel?.kernel_path ?? ''), 'config'), 'utf8');
      t.deepEqual(lostOptions(wanted, parseConfig(config)), [], name);
    }
  });
}

test('a series lists patches in order, with comments', (t) => {
  t.deepEqual(parseSeries('# HotMem\n0001-mm.patch\n\n  0002-fs.patch # why\n'), [
    '0001-mm.patch',
    '0002-fs.patch',
  ]);
});

test('lines of make are read for progress', (t) => {
  t.is(makeDetail('  CC      mm/slub.o'), 'mm/slub.o');
  t.is(makeDetail('  LD [M]  fs/x.ko'), 'fs/x.ko');
  t.is(makeDetail('make[1]: Entering directory'), null);
});

const fileOf = (path: string, line: string): string =>
  `diff --git a/${path} b/${path}\n--- a/${path}\n+++ b/${path}\n@@ -1 +1 @@\n-old\n+${line}\n`;

const EDITS: readonly [string, string, boolean][] = [
  ['its message', 'Subject: [PATCH 1/2] another', false],
  ['the manual', fileOf('Documentation/mm/hotmem.rst', 'another'), false],
  ['who maintains it', fileOf('MAINTAINERS', 'another'), false],
  ['options that documentation has', fileOf('Documentation/Kconfig', 'another'), true],
  ['the kernel', fileOf('mm/hotmem/pool.c', 'another'), true],
  ['the selftest, which lies beside the kernel', fileOf('tools/hotmem/a.c', 'another'), true],
];

for (const [what, text, counts] of EDITS) {
  test(`a patch that has another word in ${what} makes ${counts ? 'another' : 'the same'} kernel`, async (t) => {
    const parts = await kernelParts('hotmem');
    const [head, rest] = ['Subject: [PATCH 1/2] one\n\n', fileOf('mm/swap.c', 'one')];
    const keyOf = (patch: string): string =>
      kernelKey({ ...parts, patch_texts: [patch] }, 'of a source', 'gcc 12');
    const before = text.startsWith('Subject')
      ? `${head}---\n${rest}-- \n2.39.5\n`
      : `${head}---\n${text.replace('+another', '+one')}${rest}-- \n2.39.5\n`;
    const after = text.startsWith('Subject')
      ? `${text}\n\n---\n${rest}-- \n2.53.0\n`
      : `${head}---\n${text}${rest}-- \n2.39.5\n`;
    t.not(before, after);
    t.is(keyOf(before) !== keyOf(after), counts);
  });
}

test('of a patch that git did not make, every word counts', async (t) => {
  const parts = await kernelParts('hotmem');
  const keyOf = (patch: string): string =>
    kernelKey({ ...parts, patch_texts: [patch] }, 'of a source', 'gcc 12');
  const plain = '--- a/Documentation/x\n+++ b/Documentation/x\n@@ -1 +1 @@\n-old\n+new\n';
  t.not(keyOf(plain), keyOf(plain.replace('+new', '+newer')));
});

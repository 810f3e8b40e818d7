/**
 * Goal: kernels and programs of another instruction set are made by its own tools, kept apart, and
 * change nothing of those of x86-64. Method: the real make on a tree that heeds ARCH, and keys.
 */
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import test from 'ava';
import { execa } from 'execa';
import type { GuestArch } from '../../base/guest-arch.ts';
import { PROJECT_ROOT } from '../../base/paths.ts';
import { contentKey } from '../../images/cache/content-hash.ts';
import { type ConfigValues, mergeFragments, parseConfig } from '../../images/kernel/config.ts';
import { listKernels } from '../../images/kernel/lookup.ts';
import { kernelKey, kernelParts } from '../../images/kernel/recipe.ts';
import { builtText } from '../../images/kernel/touched.ts';
import { world } from './build-world.ts';

test('an arm64 kernel is made by the cross tools, and found again beside that of x86-64', async (t) => {
  const { build, cache_dir, patches } = await world(t);
  await writeFile(join(patches, 'config/arm64.config'), 'CONFIG_A=n\n');
  const made = await build({ variant: 'hotmem', arch: 'arm64' });
  t.is(basename(made.kernel_path), 'Image');
  t.is(await readFile(made.kernel_path, 'utf8'), 'patched\nsecond\narm64aarch64-linux-gnu-');
  t.is(made.manifest.arch, 'arm64');
  t.deepEqual(made.manifest.fragments, [
    'microvm.config',
    'hotmem.config',
    'arm64.config',
    'identity',
  ]);
  t.deepEqual(await build({ variant: 'hotmem', arch: 'arm64' }), made);
  const other = await build({ variant: 'hotmem' });
  t.is(await readFile(other.kernel_path, 'utf8'), 'patched\nsecond\n');
  t.not(other.manifest.key, made.manifest.key);
  t.is((await listKernels(cache_dir)).length, 2);
});

test('the key of an x86-64 kernel is of what it was of before there were others', async (t) => {
  const parts = await kernelParts('hotmem');
  const key = contentKey({
    recipe: '2',
    variant: 'hotmem',
    source: 'of a source',
    compiler: 'gcc 12',
    fragments: JSON.stringify(parts.fragments.map(({ text }) => text)),
    patches: JSON.stringify(parts.patch_texts.map(builtText)),
    series_revision: parts.series_revision ?? '',
  });
  t.is(kernelKey(parts, 'of a source', 'gcc 12'), key);
  t.not(kernelKey({ ...parts, arch: 'arm64' }, 'of a source', 'gcc 12'), key);
});

test('a kernel that an earlier version finished is one of x86-64', async (t) => {
  const { build } = await world(t);
  const built = await build();
  const path = join(built.kernel_path, '../manifest.json');
  const { arch, ...earlier } = JSON.parse(await readFile(path, 'utf8'));
  t.is(arch, 'x86-64');
  await writeFile(path, JSON.stringify(earlier));
  t.deepEqual(await build(), built);
});

async function optionsOf(arch: GuestArch): Promise<ConfigValues> {
  const { fragments } = await kernelParts('hotmem', undefined, arch);
  return parseConfig(mergeFragments(fragments.map(({ text }) => text)));
}

test('arm64 gets what the base is for, and nothing of another machine', async (t) => {
  const [arm64, x86] = [await optionsOf('arm64'), await optionsOf('x86-64')];
  const theirs = [...x86.keys()].filter((name) => /X86|ACPI|ORC|8250|KVM|PVH|MMCONFIG/.test(name));
  t.true(theirs.length > 8);
  for (const name of theirs) t.is(arm64.get(name), 'n', name);
  for (const name of ['HOTMEM', 'VIRTIO_MEM', 'MEMORY_HOTREMOVE', 'SERIAL_AMBA_PL011_CONSOLE']) {
    t.is(arm64.get(`CONFIG_${name}`), 'y', name);
  }
  t.deepEqual(
    [...x86].filter(([name]) => name.includes('ARM')),
    [],
  );
});

test('without the cross compiler the message says what to install', async (t) => {
  const { dir, kernel, cache_dir } = await world(t);
  const bin = join(dir, 'bin');
  await mkdir(bin);
  const { stdout: make } = await execa('sh', ['-c', 'command -v make']);
  await symlink(make, join(bin, 'make'));
  const args = ['images', 'build', '--arch', 'arm64', '--variant', 'stock'];
  const built = await execa(
    process.execPath,
    [join(PROJECT_ROOT, 'cli/main.ts'), ...args, '--kernel-tree', kernel.tree],
    { env: { PATH: bin, HOTPLANE_CACHE: cache_dir }, reject: false },
  );
  t.is(built.exitCode, 3);
  t.regex(built.stderr, /HP_IMAGE_TOOL_MISSING/);
  t.regex(built.stderr, /aarch64-linux-gnu-gcc does not run/);
  t.regex(built.stderr, /apt-get install gcc-aarch64-linux-gnu libc6-dev-arm64-cross/);
});

/**
 * Goal: what the cache holds is used only as it was finished. Damage of any kind is found, named in
 * one line and mended by itself, and what is whole needs none of the tools that made it.
 * Method: finished kernels and root file systems, spoilt on the disk in every way we could think
 * of; look-ups in a process whose PATH holds no tool.
 */
import { chmod, mkdir, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import test from 'ava';
import { execa } from 'execa';
import { PROJECT_ROOT } from '../../base/paths.ts';
import { silentProgress } from '../../base/progress.ts';
import { ensureGuest } from '../../images/index.ts';
import { findByParts } from '../../images/kernel/lookup.ts';
import { kernelParts } from '../../images/kernel/recipe.ts';
import { buildOfTarball, compiled, type World, world } from './build-world.ts';

const BUILT_ONCE = ['built first.o', 'built second.o'];

async function changeManifest(dir: string, change: Record<string, unknown>): Promise<void> {
  const path = join(dir, 'manifest.json');
  const manifest: object = JSON.parse(await readFile(path, 'utf8'));
  await writeFile(path, JSON.stringify({ ...manifest, ...change }));
}

/** What happens to the folder of a finished kernel, and how the line about it names it. */
const DAMAGES: readonly (readonly [string, (dir: string) => Promise<unknown>, RegExp])[] = [
  [
    'a manifest emptied by a power cut',
    (dir) => truncate(join(dir, 'manifest.json')),
    /not understood/,
  ],
  ['a manifest of zeros', (dir) => writeFile(join(dir, 'manifest.json'), Buffer.alloc(900)), /not/],
  ['a manifest cut short', (dir) => truncate(join(dir, 'manifest.json'), 100), /not understood/],
  ['a manifest of a later schema', (dir) => changeManifest(dir, { schema_version: 2 }), /not/],
  ['a manifest that is no object', (dir) => writeFile(join(dir, 'manifest.json'), '7'), /not/],
  ['a manifest that tells of no file', (dir) => changeManifest(dir, { files: {} }), /bzImage/],
  ['no manifest', (dir) => rm(join(dir, 'manifest.json')), /manifest\.json cannot be read/],
  ['an empty image', (dir) => truncate(join(dir, 'bzImage')), /bzImage has 0 of 13 bytes/],
  ['an image cut short', (dir) => truncate(join(dir, 'bzImage'), 5), /bzImage has 5 of 13 bytes/],
  [
    'an image of the same size with other bytes',
    (dir) => writeFile(join(dir, 'bzImage'), 'first\nsecons\n'),
    /bzImage has other content/,
  ],
  ['no image', (dir) => rm(join(dir, 'bzImage')), /bzImage is missing/],
  ['no configuration', (dir) => rm(join(dir, 'config')), /config is missing/],
  [
    'a folder in place of the image',
    async (dir) => {
      await rm(join(dir, 'bzImage'));
      await mkdir(join(dir, 'bzImage'));
    },
    /bzImage is no file/,
  ],
  [
    'a file in place of the folder',
    async (dir) => {
      await rm(dir, { recursive: true });
      await writeFile(dir, '');
    },
    /manifest\.json cannot be read/,
  ],
];

for (const [name, spoil, reason] of DAMAGES) {
  test(`${name} is named and the kernel built anew`, async (t) => {
    const { build, kernel, cache_dir } = await world(t);
    const built = await build();
    const dir = dirname(built.kernel_path);
    await spoil(dir);
    const error = await t.throwsAsync(build({ build: false }), { code: 'HP_IMAGE_NOT_BUILT' });
    t.regex(error?.message ?? '', reason);
    const said: string[] = [];
    const progress = { ...silentProgress, done: (line: string) => void said.push(line) };
    const again = await build({ progress });
    t.is(said.length, 1, said.join('\n'));
    t.regex(said[0] ?? '', reason);
    t.is(await readFile(again.kernel_path, 'utf8'), 'first\nsecond\n');
    t.deepEqual(await compiled(kernel), [...BUILT_ONCE, ...BUILT_ONCE]);
    const kernels = await readdir(join(cache_dir, 'kernels'));
    t.deepEqual(kernels, [built.manifest.key], 'nothing damaged is left');
  });
}

test('a kernel finished without hashes is taken by its size and gets them', async (t) => {
  const { build, kernel } = await world(t);
  const built = await build();
  const dir = dirname(built.kernel_path);
  await changeManifest(dir, { files: undefined });
  t.deepEqual(await build(), built);
  t.deepEqual(JSON.parse(await readFile(join(dir, 'manifest.json'), 'utf8')), built.manifest);
  await changeManifest(dir, { files: undefined });
  await truncate(built.kernel_path, 5);
  await t.throwsAsync(build({ build: false }), { code: 'HP_IMAGE_NOT_BUILT' });
  t.deepEqual(await compiled(kernel), BUILT_ONCE);
});

/** Boot ids of other times, as a build before a power cut would have left them. */
test('a build is not resumed across a restart of the machine', async (t) => {
  const { build, kernel, cache_dir } = await world(t);
  const { manifest } = await build();
  await rm(join(cache_dir, 'kernels'), { recursive: true });
  const left = join(cache_dir, 'builds', manifest.key);
  await mkdir(join(left, 'tree/arch/x86/boot'), { recursive: true });
  await writeFile(join(left, 'tree/.config'), '');
  await writeFile(join(left, 'tree/arch/x86/boot/bzImage'), '');
  await writeFile(join(left, 'prepared'), '00000000-0000-0000-0000-000000000000\n');
  t.is(await readFile((await build()).kernel_path, 'utf8'), 'first\nsecond\n');
  t.deepEqual(await compiled(kernel), [...BUILT_ONCE, ...BUILT_ONCE]);
});

test('what an earlier build left is given up when make cannot go on with it', async (t) => {
  const { build, cache_dir } = await world(t);
  const { manifest } = await build();
  await rm(join(cache_dir, 'kernels'), { recursive: true });
  const left = join(cache_dir, 'builds', manifest.key);
  await mkdir(join(left, 'tree'), { recursive: true });
  await writeFile(join(left, 'tree/.config'), '');
  await writeFile(join(left, 'prepared'), await readFile('/proc/sys/kernel/random/boot_id'));
  t.is(await readFile((await build()).kernel_path, 'utf8'), 'first\nsecond\n');
});

test('a kernel is found by what it was made of, source and compiler unknown', async (t) => {
  const { build, cache_dir, patches } = await world(t);
  const built = await build({ variant: 'hotmem' });
  const parts = await kernelParts('hotmem', patches);
  const traits = { source_kind: 'tree', source_identity: null } as const;
  t.deepEqual(await findByParts(cache_dir, parts, traits), built);
  const { identity } = built.manifest.source;
  t.deepEqual(await findByParts(cache_dir, parts, { ...traits, source_identity: identity }), built);
  t.is(await findByParts(cache_dir, parts, { ...traits, source_identity: 'another' }), null);
  t.is(await findByParts(cache_dir, parts, { ...traits, source_kind: 'tarball' }), null);
  await writeFile(join(patches, 'config/hotmem.config'), 'CONFIG_OTHER=y\n');
  const changed = await kernelParts('hotmem', patches);
  t.is(await findByParts(cache_dir, changed, traits), null);
});

async function guestOf({ kernel, cache_dir }: World, build = true) {
  return await ensureGuest({ variant: 'stock', kernel_tree: kernel.tree, cache_dir, build });
}

test('a damaged program or root file system of the guest is made anew', async (t) => {
  const here = await world(t);
  const guest = await guestOf(here);
  const content = await readFile(guest.initrd_path);
  const programs = join(here.cache_dir, 'programs/init');
  const key = (await readdir(programs)).find((name) => !name.includes('.')) ?? '';
  for (const path of [
    guest.initrd_path,
    join(dirname(guest.initrd_path), 'manifest.json'),
    join(programs, key, 'init'),
    join(programs, key, 'manifest.json'),
  ]) {
    await truncate(path);
    const again = await guestOf(here);
    t.is(again.initrd_path, guest.initrd_path, path);
    t.true((await readFile(again.initrd_path)).equals(content), path);
  }
});

test('a finished guest is found without compiler, make or permission to write', async (t) => {
  const here = await world(t);
  const guest = await guestOf(here);
  const empty = join(here.dir, 'no-tools');
  await mkdir(empty);
  const args = ['images', 'build', '--variant', 'stock', '--kernel-tree', here.kernel.tree];
  const options = {
    env: { PATH: empty, HOTPLANE_CACHE: here.cache_dir, HOME: here.dir },
    extendEnv: false,
    reject: false,
  };
  const command = [join(PROJECT_ROOT, 'cli/main.ts'), ...args, '--json'];
  const found = await execa(process.execPath, command, options);
  t.is(found.exitCode, 0, found.stderr);
  const { images } = JSON.parse(found.stdout);
  t.like(images[0], { kernel_path: guest.kernel_path, initrd_path: guest.initrd_path });
  t.regex(found.stderr, /kernel stock: 6\.12\.99-hotplane-stock-.* built by gcc.*gcc does not run/);

  await rm(join(here.cache_dir, 'kernels'), { recursive: true });
  const gone = await execa(process.execPath, command, options);
  t.is(gone.exitCode, 3);
  t.regex(gone.stderr, /HP_IMAGE_TOOL_MISSING.*gcc does not run/);
});

test('folders of a cache that lost their permissions give way', async (t) => {
  const { build } = await world(t);
  const built = await build();
  const dir = dirname(built.kernel_path);
  await truncate(built.kernel_path);
  await chmod(dir, 0o000);
  t.is(await readFile((await build()).kernel_path, 'utf8'), 'first\nsecond\n');
});

/** What happens to the unpacked source between two builds. */
const SOURCE_DAMAGES: readonly (readonly [string, (tree: string) => Promise<unknown>])[] = [
  ['a file is missing', (tree) => rm(join(tree, 'second.c'))],
  ['there is one too many', (tree) => writeFile(join(tree, 'left-over'), '')],
  ['nobody wrote down what it holds', (tree) => rm(`${tree}.json`)],
  ['it was not finished', (tree) => truncate(`${tree}.json`, 5)],
  [
    'the machine went down since',
    async (tree) => {
      await truncate(join(tree, 'first.c'));
      const record: object = JSON.parse(await readFile(`${tree}.json`, 'utf8'));
      await writeFile(`${tree}.json`, JSON.stringify({ ...record, boot_id: 'another' }));
    },
  ],
];

for (const [name, spoil] of SOURCE_DAMAGES) {
  test(`an unpacked source is unpacked anew when ${name}`, async (t) => {
    const here = await world(t);
    const sources = join(here.cache_dir, 'sources');
    const { kernel_path } = await buildOfTarball(here);
    const [tree = ''] = (await readdir(sources)).filter((one) => /^[0-9a-f]{24}$/.test(one));
    await spoil(join(sources, tree));
    await mkdir(join(sources, '.unpack-killed'));
    await rm(join(here.cache_dir, 'kernels'), { recursive: true });
    await buildOfTarball(here);
    t.is(await readFile(kernel_path, 'utf8'), 'first\nsecond\n');
    const left = (await readdir(sources)).filter((one) => one.startsWith('.'));
    t.deepEqual(left, [], 'nothing damaged or half unpacked is left');
  });
}

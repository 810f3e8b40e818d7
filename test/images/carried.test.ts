/**
 * Goal: finished images are of use where nothing can be built, and a running agent bears their
 * coming and going.
 * Method: a kernel of a small tarball, the real root file system; folders removed and made again.
 */
import { mkdtemp, readdir, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { pino } from 'pino';
import { prepareImages } from '../../agent/executor/built-images.ts';
import { silentProgress } from '../../base/progress.ts';
import { exportImages } from '../../images/export.ts';
import { listImages } from '../../images/list.ts';
import { ensureRootfs } from '../../images/rootfs/rootfs.ts';
import { specOf } from '../agent/core/world.ts';
import { buildOfTarball, world } from './build-world.ts';

const SPEC = specOf('f', { mechanism: 'static' });

test('what is exported is found in its folder, by an agent that builds nothing', async (t) => {
  const here = await world(t);
  await buildOfTarball(here);
  await ensureRootfs({ cache_dir: here.cache_dir });
  const out_dir = join(here.dir, 'carried');
  const [guest] = await exportImages({ variants: ['stock'], out_dir, cache_dir: here.cache_dir });
  await rm(here.cache_dir, { recursive: true });
  t.deepEqual((await readdir(out_dir)).toSorted(), ['kernels', 'programs', 'rootfs']);
  const images = await prepareImages({
    mechanisms: ['static'],
    guest_kernel: 'untouched',
    images_dir: out_dir,
    build: false,
    progress: silentProgress,
    signal: new AbortController().signal,
    log: pino({ level: 'silent' }),
  });
  const { kernel_path, initrd_path } = await images.imageFor(SPEC);
  t.like(guest, { kernel_path, initrd_path });
  t.true(kernel_path.startsWith(`${out_dir}/kernels/`));
  await t.throwsAsync(exportImages({ variants: ['stock'], out_dir, cache_dir: out_dir }), {
    code: 'HP_IMAGE_EXPORT',
  });
});

test('images that vanish under an agent are named at Deploy, and used again when built', async (t) => {
  const here = await world(t);
  const { cache_dir } = here;
  await buildOfTarball(here);
  await ensureRootfs({ cache_dir: here.cache_dir });
  const images = await prepareImages({
    mechanisms: ['static'],
    guest_kernel: 'untouched',
    images_dir: cache_dir,
    build: false,
    progress: silentProgress,
    signal: new AbortController().signal,
    log: pino({ level: 'silent' }),
  });
  const before = await images.imageFor(SPEC);
  await rename(join(cache_dir, 'kernels'), join(cache_dir, 'elsewhere'));
  const error = await t.throwsAsync(images.imageFor(SPEC), { code: 'HP_AGENT_NO_IMAGE' });
  t.like(error, { category: 'unavailable', cause: { code: 'HP_IMAGE_NOT_BUILT' } });
  t.regex(String(Reflect.get(error ?? {}, 'next')), /images build.*need not be started anew/);
  await rename(join(cache_dir, 'elsewhere'), join(cache_dir, 'kernels'));
  t.deepEqual(await images.imageFor(SPEC), before);
  await truncate(before.initrd_path);
  t.deepEqual(await images.imageFor(SPEC), before, 'made again of its programs');
});

const NOWHERE: readonly (readonly [string, (dir: string) => Promise<string>, RegExp])[] = [
  [
    'a folder that is not there',
    async (dir) => join(dir, 'no'),
    /folder .*does not exist: .*no\.$/,
  ],
  [
    'a file',
    async (dir) => {
      await writeFile(join(dir, 'no'), '');
      return join(dir, 'no');
    },
    /is not a folder: .*no\.$/,
  ],
  ['a folder without images', async (dir) => dir, /kernel stock is not in --images/],
];

for (const [what, make, message] of NOWHERE) {
  test(`${what} as --images is told, with how images come there`, async (t) => {
    const dir = await mkdtemp(join(tmpdir(), 'hotplane-carried-'));
    t.teardown(async () => await rm(dir, { recursive: true }));
    const images_dir = await make(dir);
    const preparing = prepareImages({
      mechanisms: ['static'],
      guest_kernel: 'untouched',
      images_dir,
      build: false,
      progress: silentProgress,
      signal: new AbortController().signal,
      log: pino({ level: 'silent' }),
    });
    const error = await t.throwsAsync(preparing, { code: 'HP_IMAGE_NOT_BUILT', message });
    const next = String(Reflect.get(error ?? {}, 'next'));
    t.true(next.includes(`'hotplane images export --out ${images_dir}'`), next);
  });
}

test('a list of images tells which are of use', async (t) => {
  const here = await world(t);
  const { cache_dir } = here;
  t.deepEqual(await listImages(cache_dir), []);
  await buildOfTarball(here);
  const [image] = await listImages(cache_dir);
  t.like(image, { state: 'current', variant: 'stock', damage: null, series_revision: null });
  await truncate(join(image?.path ?? '', 'bzImage'), 5);
  const [damaged] = await listImages(cache_dir);
  t.like(damaged, { state: 'damaged', path: image?.path, release: null });
  t.regex(damaged?.damage ?? '', /bzImage has 5 of/);
});

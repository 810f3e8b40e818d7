/**
 * Goal: the cache never holds half a kernel, and no two builds write one tree.
 * Method: the real builder and the real make on a tree of two files that can be stopped half way.
 */
import { access, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { hostClock } from '../../base/clock.ts';
import { createProgress, silentProgress } from '../../base/progress.ts';
import { waitFor } from '../../base/wait.ts';
import { compiled, world } from './build-world.ts';
import type { FakeKernel } from './fake-kernel.ts';

async function untilHeld(kernel: FakeKernel): Promise<void> {
  const reached = async () =>
    await access(`${kernel.hold}.reached`).then(
      () => true,
      () => null,
    );
  if (!(await waitFor(reached, { clock: hostClock, deadline_ms: 120_000 }))) {
    throw new Error('make did not get half way');
  }
}

test('a kernel is built once and found afterwards', async (t) => {
  const { build, kernel, cache_dir } = await world(t);
  const built = await build();
  t.is(await readFile(built.kernel_path, 'utf8'), 'first\nsecond\n');
  const { key } = built.manifest;
  t.like(built.manifest, {
    variant: 'stock',
    kernel_version: '6.12.99',
    release: `6.12.99-hotplane-stock-${key.slice(0, 12)}`,
    series_revision: null,
    patches: [],
    selftest: false,
  });
  t.deepEqual(await build(), built);
  t.deepEqual(await compiled(kernel), ['built first.o', 'built second.o']);
  t.deepEqual(await readdir(join(cache_dir, 'builds')), []);
});

test('what may not be built is missing, and nothing is made in its place', async (t) => {
  const { build, kernel, cache_dir } = await world(t);
  const error = await t.throwsAsync(build({ build: false }), { code: 'HP_IMAGE_NOT_BUILT' });
  t.regex(error?.message ?? '', /kernel stock is not in the cache/);
  t.deepEqual(await readdir(cache_dir).catch(() => []), []);
  t.deepEqual(await compiled(kernel), []);
  const built = await build();
  t.deepEqual(await build({ build: false }), built);
});

test('the patched kernel has a place of its own and leaves the given tree alone', async (t) => {
  const { build, kernel } = await world(t);
  const [stock, hotmem] = [await build(), await build({ variant: 'hotmem' })];
  t.not(stock.manifest.key, hotmem.manifest.key);
  t.is(await readFile(hotmem.kernel_path, 'utf8'), 'patched\nsecond\n');
  t.deepEqual(hotmem.manifest.patches, ['0001-first.patch']);
  t.deepEqual((await readdir(kernel.tree)).toSorted(), ['Makefile', 'first.c', 'second.c']);
  t.is(await readFile(join(kernel.tree, 'first.c'), 'utf8'), 'first\n');
});

test('an interrupted build says so, leaves no process, and resumes where it was', async (t) => {
  const { build, kernel, cache_dir } = await world(t);
  await writeFile(kernel.hold, '');
  const abort = new AbortController();
  const first = build({ signal: abort.signal });
  await untilHeld(kernel);
  abort.abort();
  await t.throwsAsync(first, { code: 'HP_IMAGE_INTERRUPTED' });
  t.deepEqual(await readdir(join(cache_dir, 'kernels')).catch(() => []), []);
  await rm(kernel.hold);
  await build();
  t.deepEqual(await compiled(kernel), ['built first.o', 'built second.o']);
});

test('of two builds at once one works and the other waits and uses the result', async (t) => {
  const { build, kernel } = await world(t);
  await writeFile(kernel.hold, '');
  const first = build();
  await untilHeld(kernel);
  const waiting: string[] = [];
  const progress = { ...silentProgress, update: (text: string) => void waiting.push(text) };
  const second = build({ progress });
  await waitFor(() => (waiting.length > 0 ? true : null), {
    clock: hostClock,
    deadline_ms: 120_000,
  });
  await rm(kernel.hold);
  t.deepEqual(await second, await first);
  t.regex(waiting[0] ?? '', new RegExp(`waits for the build of process ${process.pid}`));
  t.deepEqual(await compiled(kernel), ['built first.o', 'built second.o']);
});

test('a build that fails shows the compiler error and where the log is, and can be tried again', async (t) => {
  const { build, kernel } = await world(t, 'broken\n');
  const error = await t.throwsAsync(build(), { code: 'HP_IMAGE_BUILD_FAILED' });
  t.regex(error?.message ?? '', /second\.c:1: error: broken/);
  await writeFile(join(kernel.tree, 'second.c'), 'mended\n');
  t.is(await readFile((await build()).kernel_path, 'utf8'), 'first\nmended\n');
});

test('a patch that does not apply is named', async (t) => {
  const { build, kernel } = await world(t);
  await writeFile(join(kernel.tree, 'first.c'), 'something else\n');
  const error = await t.throwsAsync(build({ variant: 'hotmem' }), {
    code: 'HP_IMAGE_PATCH_FAILED',
  });
  t.regex(error?.message ?? '', /0001-first\.patch/);
});

test('an option the kernel does not know is named', async (t) => {
  const { build, patches } = await world(t);
  await writeFile(join(patches, 'REVISION'), '7\n');
  await writeFile(join(patches, 'config/microvm.config'), 'CONFIG_A=y\nCONFIG_DROPPED=y\n');
  const error = await t.throwsAsync(build(), { code: 'HP_IMAGE_KERNEL_CONFIG' });
  t.regex(error?.message ?? '', /CONFIG_DROPPED=y \(is n\)/);
});

test('a missing series is named before anything is built', async (t) => {
  const { build, patches, kernel } = await world(t);
  await rm(join(patches, 'series'));
  await t.throwsAsync(build({ variant: 'hotmem' }), { code: 'HP_IMAGE_SERIES' });
  t.deepEqual(await compiled(kernel), []);
});

test('progress tells step, elapsed time and file', async (t) => {
  const { build } = await world(t);
  const lines: string[] = [];
  const stream = { write: (text: string) => lines.push(text) > 0 };
  const progress = createProgress({
    stream,
    tty: false,
    plain_interval_ms: 0,
  });
  await build({ progress });
  t.regex(lines.join(''), /\[4\/5\] kernel stock: make \(\d+.*\): 2 files, second\.o/);
});

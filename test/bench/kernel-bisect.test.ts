/**
 * Goal: each patch of a series is built and booted where it stands, and what fails is told by
 * patch. Method: the real patch(1) and make on a small tree; the VM is left out.
 */
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { runBisectCommand } from '../../bench/kernel/bisect.ts';
import type { BootFinding } from '../../bench/kernel/check.ts';
import { parseConfig } from '../../images/kernel/config.ts';
import { parsePatchOutput } from '../../images/kernel/rejects.ts';
import { filesOfPatch, isBuilt, objectOf } from '../../images/kernel/touched.ts';
import { compiled, world, type World } from '../images/build-world.ts';

const change = (file: string, from: string, to: string): string =>
  `--- a/${file}\n+++ b/${file}\n@@ -1 +1 @@\n-${from}\n+${to}\n`;

/** Three patches: two of the first file, the last of the second. */
async function series({ patches }: World, texts: Readonly<Record<string, string>>): Promise<void> {
  await writeFile(join(patches, 'series'), Object.keys(texts).join('\n'));
  for (const [name, text] of Object.entries(texts)) await writeFile(join(patches, name), text);
}

const GOOD = {
  '0001-a.patch': change('first.c', 'first', 'one'),
  '0002-b.patch': change('first.c', 'one', 'two'),
  '0003-c.patch': change('second.c', 'second', 'three'),
};

async function bisect(
  t: ExecutionContext,
  { kernel, patches, cache_dir }: World,
  boot: (image_path: string) => Promise<BootFinding> = () => Promise.resolve({ up: true }),
  signal = new AbortController().signal,
  onProgress: (text: string) => unknown = (text) => t.log(text.trim()),
  from = 1,
): Promise<{ code: number; results: string[] }> {
  let out = '';
  const code = await runBisectCommand({
    tree: kernel.tree,
    series: patches,
    config_path: null,
    arch: 'x86-64',
    objects_only: false,
    from,
    jobs: 1,
    json: false,
    stdout: { write: (text) => (out += text) },
    stderr: { write: onProgress },
    signal,
    cache_dir,
    boot,
  });
  return { code, results: out.split('\n').filter((line) => /^(not )?ok |^# /.test(line)) };
}

test('every patch is built in one tree, so that only what it changed is compiled again', async (t) => {
  const small = await world(t);
  await series(small, GOOD);
  const { code, results } = await bisect(t, small);
  t.is(code, 0);
  t.deepEqual(
    results.slice(1).map((line) => line.replace(/,.*/, '')),
    ['ok 1 0001-a.patch # booted', 'ok 2 0002-b.patch # booted', 'ok 3 0003-c.patch # booted'],
  );
  const last = (await compiled(small.kernel)).at(-1);
  t.is(last, 'built second.o');
  t.is((await compiled(small.kernel)).length, 5, 'the third patch leaves first.o alone');
  t.deepEqual(await readdir(join(small.cache_dir, 'builds')), []);
});

test('with a first patch, those before it go in and are not built', async (t) => {
  const small = await world(t);
  await series(small, { ...GOOD, '0002-b.patch': change('second.c', 'second', 'broken') });
  const mended = change('second.c', 'broken', 'mended');
  await writeFile(join(small.patches, '0003-c.patch'), mended);
  const { code, results } = await bisect(t, small, undefined, undefined, undefined, 3);
  t.is(code, 0);
  t.deepEqual(results.slice(1, 3), [
    'ok 1 0001-a.patch # SKIP applied, not built',
    'ok 2 0002-b.patch # SKIP applied, not built',
  ]);
  t.regex(results[3] ?? '', /^ok 3 0003-c\.patch # booted/);
  await t.throwsAsync(bisect(t, small, undefined, undefined, undefined, 4), {
    code: 'HP_BENCH_OPTION',
    message: /--from: the series has 3 patches/,
  });
});

test('a patch that breaks the build is named, and those behind it are tried all the same', async (t) => {
  const small = await world(t);
  await series(small, {
    ...GOOD,
    '0002-b.patch': change('second.c', 'second', 'broken'),
    '0003-c.patch': change('second.c', 'broken', 'mended'),
  });
  const { code, results } = await bisect(t, small);
  t.is(code, 11);
  t.regex(
    results.join('\n'),
    /# second\.c:1: error: broken\n.*\nnot ok 2 0002-b\.patch # not built/,
  );
  t.regex(results.at(-1) ?? '', /^ok 3 0003-c\.patch # booted/);
});

test('a patch that does not apply ends it, with file and hunk', async (t) => {
  const small = await world(t);
  await series(small, { ...GOOD, '0002-b.patch': change('first.c', 'other', 'two') });
  const { code, results } = await bisect(t, small);
  t.is(code, 10);
  t.regex(results.at(-2) ?? '', /first\.c, hunk 1 at line 1/);
  t.regex(results.at(-1) ?? '', /^not ok 2 0002-b\.patch # rejected/);
});

test('a patch that went in beside lines it does not know is told with file and hunk', async (t) => {
  const small = await world(t);
  await writeFile(join(small.kernel.tree, 'first.c'), 'a\nb\nfirst\nc\nother\n');
  const hunk = ' a\n b\n-first\n+one\n c\n d\n';
  const patch = `--- a/first.c\n+++ b/first.c\n@@ -1,5 +1,5 @@\n${hunk}`;
  await series(small, { '0001-a.patch': patch });
  const told: string[] = [];
  const { code } = await bisect(t, small, undefined, undefined, (text) => told.push(text));
  t.is(code, 0);
  t.true(told.join('').includes('0001-a.patch went in with fuzz: first.c, hunk 1 at line 1\n'));
});

test('a kernel that does not boot is told with the end of its console', async (t) => {
  const small = await world(t);
  await series(small, GOOD);
  let boots = 0;
  const boot = (): Promise<BootFinding> => {
    boots += 1;
    const down = { up: false, reason: 'panicked', lines: ['Oops: 0002'] } as const;
    return Promise.resolve(boots === 2 ? down : { up: true });
  };
  const { code, results } = await bisect(t, small, boot);
  t.is(code, 12);
  t.true(results.includes('# Oops: 0002'));
  t.regex(results.at(-2) ?? '', /^not ok 2 0002-b\.patch # not booted/);
  t.regex(results.at(-1) ?? '', /^ok 3/);
});

test('an interrupted run is taken up behind the patch that it had told of', async (t) => {
  const small = await world(t);
  await series(small, GOOD);
  const abort = new AbortController();
  let boots = 0;
  const boot = (): Promise<BootFinding> => {
    boots += 1;
    if (boots === 2) abort.abort();
    return Promise.resolve({ up: true });
  };
  await t.throwsAsync(bisect(t, small, boot, abort.signal), { code: 'HP_BENCH_INTERRUPTED' });
  const { code, results } = await bisect(t, small);
  t.is(code, 0);
  t.deepEqual(
    results.slice(1).map((line) => line.slice(0, 4)),
    ['ok 2', 'ok 3'],
  );
});

test('objects of a patch are those that the configuration builds', (t) => {
  const patch = [
    'mm/hotmem/pool.c',
    'mm/ksm.c',
    'include/linux/mm.h',
    'arch/arm64/mm/mmu.c',
    'tools/testing/selftests/hotmem/hotmem_test.c',
  ]
    .map((file) => change(file, 'a', 'b'))
    .join('');
  const objects = filesOfPatch(patch).map((file) => objectOf(file, 'x86'));
  t.deepEqual(objects, ['mm/hotmem/pool.o', 'mm/ksm.o', null, null, null]);
  const config = parseConfig('CONFIG_KSM=y\n# CONFIG_HOTMEM is not set\n');
  const makefile =
    'obj-y := memory.o\nobj-$(CONFIG_KSM) += ksm.o\nobj-$(CONFIG_HOTMEM) += \\\n\thotmem/\n';
  t.true(isBuilt(makefile, 'ksm.o', config));
  t.true(isBuilt(makefile, 'memory.o', config));
  t.false(isBuilt(makefile, 'hotmem/', config));
  t.is(isBuilt(makefile, 'elsewhere/', config), null, 'nothing names it');
});

test('what patch(1) could not do is read from its words', (t) => {
  const report = parsePatchOutput([
    'patching file mm/memory.c',
    'Hunk #1 succeeded at 12 (offset 3 lines).',
    'Hunk #2 FAILED at 120.',
    'Hunk #3 succeeded at 200 with fuzz 2 (offset -1 lines).',
    '1 out of 3 hunks FAILED -- saving rejects to file mm/memory.c.rej',
    "can't find file to patch at input line 40",
    'Perhaps you used the wrong -p or --strip option?',
    '|diff --git a/mm/swap.c b/mm/swap.c',
    '|--- a/mm/swap.c',
    '|+++ b/mm/swap.c',
  ]);
  t.deepEqual(report.fuzzy, [{ file: 'mm/memory.c', hunk: 3, line: 200 }]);
  t.deepEqual(report.rejected, [
    { file: 'mm/memory.c', hunk: 2, line: 120 },
    { file: 'mm/swap.c', hunk: null, line: null },
  ]);
});

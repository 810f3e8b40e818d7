/**
 * Goal: a check of a kernel tree tells which step failed, why, and with which exit code.
 * Method: the steps with tools that fail as asked; then the real patch(1) and make on a small tree.
 */
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { hostClock } from '../../base/clock.ts';
import { type BootFinding, type CheckTools, runCheck } from '../../bench/kernel/check.ts';
import { runCheckCommand } from '../../bench/kernel/command.ts';
import { toolFailed } from '../../bench/errors.ts';
import { junitOf } from '../../bench/kernel/junit.ts';
import { ktapHead, ktapStep, ktapTail } from '../../bench/kernel/ktap.ts';
import type { CheckResult, CheckStep } from '../../bench/kernel/records.ts';
import { ensureGivenKernel } from '../../images/given-kernel.ts';
import { imageError } from '../../images/errors.ts';
import type { BuiltKernel } from '../../images/kernel/manifest.ts';
import { findGivenSource } from '../../images/kernel/source.ts';
import { buildOfTarball, compiled, world, type World } from '../images/build-world.ts';

const SUBJECT = {
  tree: '/linux',
  commit: null,
  kernel_version: null,
  series: '/series',
  series_revision: '7',
  patches: ['0001-a.patch', '0002-b.patch'],
};

function kernelOf(release: string): BuiltKernel {
  return {
    kernel_path: `/${release}`,
    selftest_path: '/selftest',
    manifest: {
      schema_version: 1,
      key: 'k',
      arch: 'x86-64',
      variant: 'hotmem',
      kernel_version: '6.12.99',
      release,
      series_revision: '7',
      source: { kind: 'tree', path: '/linux', identity: 'i' },
      patches: [],
      fragments: [],
      compiler: 'gcc',
      image_bytes: 1,
      selftest: true,
      build_ms: 1,
      files: {},
    },
  };
}

const GOOD: CheckTools = {
  build: (side) => Promise.resolve(kernelOf(side)),
  boot: () => Promise.resolve({ up: true }),
  selftests: () =>
    Promise.resolve({
      cases: [{ name: 'memory', outcome: 'pass', detail: '3 ms' }],
      totals: { pass: 1, fail: 0, skip: 0 },
      tail: '',
    }),
  costs: () => Promise.resolve([{ metric: 'fork-exit', untouched: 100, off: 101, percent: 1 }]),
  attached: () => Promise.resolve([{ threads: 1, unattached: 1000, attached: 920, percent: -8 }]),
};

const costs = (percent: number) => () =>
  Promise.resolve([{ metric: 'fault', untouched: 1000, off: 1000 + 10 * percent, percent }]);
const attached = (percent: number) => () =>
  Promise.resolve([{ threads: 4, unattached: 1000, attached: 1000 + 10 * percent, percent }]);

const fails = (code: 'HP_IMAGE_PATCH_FAILED' | 'HP_IMAGE_BUILD_FAILED' | 'HP_IMAGE_TOOL_MISSING') =>
  imageError(code, 'it failed.', {
    details: { last_lines: ['mm/x.c:1: error: "no" <such> thing'] },
  });
const down: BootFinding = { up: false, reason: 'HP_GUEST_PANIC: panicked', lines: ['Oops'] };

async function check(
  changes: Partial<CheckTools>,
  bound_percent: number | null = 2,
  signal = new AbortController().signal,
): Promise<CheckResult> {
  return await runCheck({
    tools: { ...GOOD, ...changes },
    subject: SUBJECT,
    bound_percent,
    clock: hostClock,
    onBegin: () => undefined,
    onStep: () => undefined,
    signal,
  });
}

/** `+` passed, `-` failed, `.` left out. */
const signs = ({ steps }: CheckResult): string =>
  steps.map(({ outcome }) => ({ pass: '+', fail: '-', skip: '.' })[outcome]).join('');

const ENDS: readonly (readonly [string, Partial<CheckTools>, string, number])[] = [
  ['everything is well', {}, '+++++++', 0],
  [
    'a patch does not apply',
    { build: () => Promise.reject(fails('HP_IMAGE_PATCH_FAILED')) },
    '-......',
    10,
  ],
  [
    'only the patched kernel does not build',
    {
      build: (side) =>
        side === 'patched' ? Promise.reject(fails('HP_IMAGE_BUILD_FAILED')) : GOOD.build(side),
    },
    '+-+....',
    11,
  ],
  [
    'neither kernel builds',
    { build: () => Promise.reject(fails('HP_IMAGE_BUILD_FAILED')) },
    '+--....',
    11,
  ],
  ['the untouched kernel does not boot', { boot: () => Promise.resolve(down) }, '+++-...', 12],
  [
    'the patched kernel does not boot',
    { boot: (side) => Promise.resolve(side === 'patched' ? down : { up: true }) },
    '++++-..',
    12,
  ],
  [
    'a selftest fails',
    {
      selftests: () =>
        Promise.resolve({
          cases: [{ name: 'kill', outcome: 'fail', detail: 'line 7' }],
          totals: { pass: 0, fail: 1, skip: 0 },
          tail: 'the end of the console',
        }),
    },
    '+++++-.',
    13,
  ],
  [
    'the selftests do not come to their end',
    { selftests: () => Promise.resolve({ cases: [], totals: null, tail: 'hung' }) },
    '+++++-.',
    13,
  ],
  [
    'no selftest is run',
    {
      selftests: () =>
        Promise.resolve({ cases: [], totals: { pass: 0, fail: 0, skip: 0 }, tail: '' }),
    },
    '+++++-.',
    13,
  ],
  ['the series brings no selftests', { selftests: () => Promise.resolve(null) }, '+++++.+', 0],
  ['a cost is above the bound', { costs: costs(2.1) }, '++++++-', 14],
  [
    'the machine that counts took too long',
    { costs: () => Promise.reject(toolFailed('the VM', 'it took too long')) },
    '++++++-',
    14,
  ],
  ['nothing could be counted', { costs: () => Promise.resolve([]) }, '++++++-', 14],
  [
    'a page fault in a partition costs more than elsewhere',
    { attached: attached(6) },
    '++++++-',
    14,
  ],
  ['nothing can attach to a partition', { attached: () => Promise.resolve([]) }, '++++++-', 14],
  ['the series makes no partitions', { attached: () => Promise.resolve(null) }, '+++++++', 0],
  ['a cost is lower than before', { costs: costs(-10) }, '+++++++', 0],
];

for (const [name, changes, expected, exit_code] of ENDS) {
  test(`when ${name}, the steps are ${expected} and the exit code ${exit_code}`, async (t) => {
    const result = await check(changes);
    t.is(signs(result), expected);
    t.is(result.exit_code, exit_code);
  });
}

test('costs are not counted when nobody wants them', async (t) => {
  t.is(signs(await check({ costs: () => Promise.reject(new Error('counted')) }, null)), '++++++.');
});

test('a tool that is not installed is no result but an error', async (t) => {
  const checked = check({ build: () => Promise.reject(fails('HP_IMAGE_TOOL_MISSING')) });
  await t.throwsAsync(checked, { code: 'HP_IMAGE_TOOL_MISSING' });
});

const textOf = (result: CheckResult): string =>
  [ktapHead(result.subject), ...result.steps.map(ktapStep), ktapTail(result)].join('');

const MIXED = () =>
  Promise.resolve({
    cases: [
      { name: 'memory', outcome: 'pass', detail: '3 ms' },
      { name: 'memcg', outcome: 'skip', detail: 'SKIP no cgroup' },
      { name: 'kill', outcome: 'fail', detail: 'line 7\nnot ok 9 forged' },
    ] as const,
    totals: { pass: 1, fail: 1, skip: 1 },
    tail: 'last words\u001b[2J',
  });

test('KTAP has a plan, a line a step, the cases inside theirs, and what a failure said', async (t) => {
  const lines = textOf(await check({ selftests: MIXED })).split('\n');
  t.deepEqual(lines.slice(0, 2), ['KTAP version 1', '1..7']);
  const from = lines.indexOf('  # Subtest: selftests');
  t.deepEqual(lines.slice(from - 1), [
    '  KTAP version 1',
    '  # Subtest: selftests',
    '  1..3',
    '  ok 1 memory # 3 ms',
    '  ok 2 memcg # SKIP no cgroup',
    '  not ok 3 kill # line 7\ufffdnot ok 9 forged',
    '# last words\ufffd[2J',
    'not ok 6 selftests # 1 passed, 1 failed, 1 skipped: kill',
    'ok 7 cost # SKIP selftests failed',
    '# Totals: pass:5 fail:1 xfail:0 xpass:0 skip:1 error:0',
    '',
  ]);
});

test('what a partition costs stands beside what the series costs while it is off', async (t) => {
  const lines = textOf(await check({})).split('\n');
  const from = lines.indexOf('  # Subtest: cost');
  t.deepEqual(lines.slice(from + 1, from + 5), [
    '  1..2',
    '  ok 1 fork_exit # +1.00 %, 101 against 100 instructions',
    '  ok 2 attached_fault # -8.00 %, 920 against 1000 instructions unattached',
    'ok 7 cost # off within 2 % of untouched, attached within 5 % of unattached',
  ]);
});

test('JUnit counts what failed and was left out, and no word of a log breaks it', async (t) => {
  const result = await check({ build: () => Promise.reject(fails('HP_IMAGE_BUILD_FAILED')) });
  const xml = junitOf(result);
  t.regex(xml, /<testsuite name="hotplane.kernel-check" tests="7" failures="2" skipped="4"/);
  t.true(xml.includes('mm/x.c:1: error: &quot;no&quot; &lt;such&gt; thing'));
  const tag =
    /<\/?(testsuites|testsuite|testcase|failure|skipped)( [a-z]+="[^"<>&]*(&(quot|lt|gt|amp);[^"<>&]*)*")*\/?>/g;
  const text = xml.replace(/^<\?xml[^>]*>/, '').replaceAll(tag, '');
  t.notRegex(text.replaceAll(/&(quot|lt|gt|amp);/g, ''), /[<>&]/);
  t.is([...xml.matchAll(/<failure /g)].length, 2);
});

/** The command on a small tree with the real patch(1) and make; VMs are left out. */
async function command(
  t: ExecutionContext,
  { kernel, patches, cache_dir, dir }: World,
  changes: { readonly tree?: string; readonly signal?: AbortSignal; readonly json?: boolean } = {},
): Promise<{ code: number; out: string; junit: string }> {
  let out = '';
  const junit_path = join(dir, 'check.xml');
  const code = await runCheckCommand({
    tree: changes.tree ?? kernel.tree,
    series: patches,
    config_path: null,
    arch: 'x86-64',
    cases: null,
    jobs: 1,
    bound_percent: 2,
    junit_path,
    json: changes.json ?? false,
    stdout: { write: (text) => (out += text) },
    stderr: { write: (text) => t.log(text.trim()) },
    signal: changes.signal ?? new AbortController().signal,
    cache_dir,
    openTools: ({ kernels, progress, signal }) => {
      const build = { cache_dir, progress, jobs: 1, ...(signal ? { signal } : {}) };
      return Promise.resolve({
        ...GOOD,
        build: async (side) => await ensureGivenKernel(kernels, kernels[side], build),
      });
    },
  });
  return { code, out, junit: await readFile(junit_path, 'utf8').catch(() => '') };
}

test('both kernels are built of a copy, and the tree is left as it was', async (t) => {
  const built = await world(t);
  const { code, out } = await command(t, built);
  t.is(code, 0);
  t.regex(out, /^ok 2 build_patched # 6\.12\.99-hotplane-hotmem-r7-/m);
  t.regex(out, /^ok 3 build_untouched # 6\.12\.99-hotplane-stock-/m);
  t.deepEqual((await readdir(built.kernel.tree)).toSorted(), ['Makefile', 'first.c', 'second.c']);
  t.is(await readFile(join(built.kernel.tree, 'first.c'), 'utf8'), 'first\n');
});

test('a patch that does not apply is told with file, hunk and place in the series', async (t) => {
  const built = await world(t);
  await writeFile(join(built.kernel.tree, 'first.c'), 'something else\n');
  const { code, out, junit } = await command(t, built);
  t.is(code, 10);
  t.regex(
    out,
    /^not ok 1 apply # .*0001-first\.patch \(patch 1 of 1\) .*first\.c, hunk 1 at line 1/m,
  );
  t.regex(out, /git am -3/);
  t.regex(junit, /failures="1" skipped="6"/);
  t.deepEqual(await compiled(built.kernel), [], 'nothing was compiled for it');
});

test('a compiler error is told, and that the untouched tree has it too', async (t) => {
  const { code, out } = await command(t, await world(t, 'broken\n'));
  t.is(code, 11);
  t.regex(out, /^# .*second\.c:1: error: broken$/m);
  t.regex(out, /^not ok 3 build_untouched/m);
});

test('a tree that is no kernel, and one that is not there, are told at once', async (t) => {
  const built = await world(t);
  const empty = join(built.dir, 'empty');
  await mkdir(empty);
  for (const tree of [empty, join(built.dir, 'never')]) {
    await t.throwsAsync(command(t, built, { tree }), { code: 'HP_IMAGE_KERNEL_SOURCE' });
  }
});

test('an interrupted check says so, and the next one takes up what was built', async (t) => {
  const built = await world(t);
  const abort = new AbortController();
  abort.abort();
  await t.throwsAsync(command(t, built, { signal: abort.signal }), {
    code: 'HP_BENCH_INTERRUPTED',
  });
  t.is((await command(t, built)).code, 0);
});

test('a result for programs is one JSON document', async (t) => {
  const { out } = await command(t, await world(t), { json: true });
  const result: CheckResult = JSON.parse(out);
  t.is(result.exit_code, 0);
  t.is(result.subject.kernel_version, '6.12.99');
  t.deepEqual(
    result.steps.map(({ name }: CheckStep) => name),
    [
      'apply',
      'build_patched',
      'build_untouched',
      'boot_untouched',
      'boot_patched',
      'selftests',
      'cost',
    ],
  );
});

async function commit(tree: string): Promise<void> {
  const git = (...words: string[]) =>
    execa('git', ['-c', 'user.name=t', '-c', 'user.email=t@localhost', '-C', tree, ...words]);
  await git('init', '--quiet');
  await git('add', '.');
  await git('commit', '--quiet', '-m', 'all');
}

test('a git tree is known by its content, wherever it is checked out, and is only read', async (t) => {
  const { kernel, cache_dir, dir, ...rest } = await world(t);
  await commit(kernel.tree);
  const clone = join(dir, 'clone');
  await execa('git', ['clone', '--quiet', kernel.tree, clone]);
  const [one, other] = [
    await findGivenSource(kernel.tree, cache_dir),
    await findGivenSource(clone, cache_dir),
  ];
  t.is(one.identity, other.identity);
  t.regex(one.commit ?? '', /^[0-9a-f]{40}$/);
  await writeFile(join(clone, 'ignored.o'), 'object');
  const index = await stat(join(clone, '.git/index'), { bigint: true });
  const { code, out } = await command(t, { kernel, cache_dir, dir, ...rest }, { tree: clone });
  t.is(code, 0);
  t.regex(out, /^# tree: .*clone, commit [0-9a-f]{40}$/m);
  t.deepEqual(await stat(join(clone, '.git/index'), { bigint: true }), index);
  await writeFile(join(clone, 'first.c'), 'changed\n');
  const changed = await findGivenSource(clone, cache_dir);
  t.not(changed.identity, other.identity);
  t.falsy(changed.commit);
});

test('a tree that was unpacked from the tarball is taken for it', async (t) => {
  const { kernel, cache_dir, dir } = await world(t);
  const tarball = join(dir, 'linux.tar.xz');
  await execa('tar', ['--create', '--xz', '--file', tarball, '--directory', dir, 'linux']);
  const ofTarball = await findGivenSource(tarball, cache_dir, tarball);
  t.is((await findGivenSource(kernel.tree, cache_dir, tarball)).kind, 'tree', 'not unpacked yet');
  await buildOfTarball({ dir, cache_dir, kernel, patches: '', build: () => Promise.reject() });
  const unpacked = join(dir, 'unpacked');
  await mkdir(unpacked);
  await execa('tar', ['--extract', '--file', tarball, '--strip-components=1'], { cwd: unpacked });
  t.deepEqual(await findGivenSource(unpacked, cache_dir, tarball), ofTarball);
  await writeFile(join(unpacked, 'second.c'), 'other\n');
  t.is((await findGivenSource(unpacked, cache_dir, tarball)).kind, 'tree');
});

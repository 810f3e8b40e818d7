/** The short bench, for real. Asserts what must be true on any machine, however busy: no time. */
import test from 'ava';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hostClock } from '../../base/clock.ts';
import { describeError } from '../../base/errors.ts';
import { cacheDir } from '../../base/paths.ts';
import { silentProgress } from '../../base/progress.ts';
import { GIB } from '../../base/units.ts';
import { BENCH_FILES, BenchFolder } from '../../bench/reclaim/results/folder.ts';
import { parseOptions } from '../../bench/reclaim/plan/options.ts';
import { makePlan } from '../../bench/reclaim/plan/plan.ts';
import { type BenchResult, runBench } from '../../bench/reclaim/run.ts';
import type { BenchOperation } from '../../bench/reclaim/results/records.ts';
import { median } from '../../bench/statistics.ts';
import { runStep } from '../../bench/reclaim/steps.ts';
import { openHypervisor } from '../../hypervisor-client/index.ts';
import { ensureGuest } from '../../images/index.ts';

const FOLDER = mkdtempSync(join(tmpdir(), 'hotplane-bench-'));
let result: BenchResult;
let operations: readonly BenchOperation[];

test.before('the short bench runs', async (t) => {
  t.timeout(480_000);
  const options = {
    short: true,
    sizes: '128MiB',
    mechanism: 'hotmem,virtio-mem',
    repetitions: '3',
  };
  result = await runBench({
    plan: makePlan(parseOptions(options)),
    folder: join(FOLDER, 'run'),
    hotplane_version: 'test',
    command: ['test'],
    progress: silentProgress,
    onPlan: () => undefined,
  });
  operations = readFileSync(join(FOLDER, 'run', BENCH_FILES.operations), 'utf8')
    .trim()
    .split('\n')
    .map((line): BenchOperation => JSON.parse(line));
});

test.after.always('the folder goes', () => {
  rmSync(FOLDER, { recursive: true, force: true });
});

function unplugs(mechanism: string): BenchOperation[] {
  return operations.filter((one) => one.kind === 'unplug' && one.cell.mechanism === mechanism);
}

function unplugMs(mechanism: string): number {
  const times = unplugs(mechanism).map((one) => one.plugged_ms ?? Number.POSITIVE_INFINITY);
  return median(times) ?? 0;
}

test('every block was measured and every file is there', (t) => {
  t.is(result.summary.blocks.failed, 0);
  t.is(result.summary.blocks.done, 2);
  t.is(result.manifest.status, 'complete');
  for (const name of Object.values(BENCH_FILES)) t.true(existsSync(join(FOLDER, 'run', name)));
});

test('hotmem gives memory back without migrating a page, with one request', (t) => {
  t.is(unplugs('hotmem').length, 3);
  for (const one of unplugs('hotmem')) {
    t.is(one.outcome, 'done');
    t.is(one.pages_migrated, 0);
    // A guest that a busy host lets stand still is nudged, and asks again.
    if (one.vmm_requests !== null && one.nudges === 0) t.is(one.vmm_requests, 1);
  }
});

test('a stock kernel that is full and interleaved has to migrate', (t) => {
  t.is(unplugs('virtio-mem').length, 3);
  for (const one of unplugs('virtio-mem')) t.true((one.pages_migrated ?? 0) > 0);
});

test('hotmem is faster than stock', (t) => {
  t.true(unplugMs('hotmem') < unplugMs('virtio-mem'));
});

test('VMM, guest and host agree after every operation', (t) => {
  t.true(operations.length > 0);
  t.deepEqual(
    operations.filter(({ observers }) => observers?.agree !== true),
    [],
  );
});

test('no page of a new instance was dirty and none lost what was written', (t) => {
  t.is(result.summary.wrong_pages, 0);
});

test('the floor was measured beside it', (t) => {
  const floor = result.summary.floor.filter(({ discard_ms }) => discard_ms !== null);
  t.deepEqual(floor.map(({ backing }) => backing).toSorted(), ['anonymous-4k', 'anonymous-huge']);
});

test('the folder keeps the console of a guest that did not survive its block', async (t) => {
  const plan = makePlan(parseOptions({ short: true, mechanism: 'virtio-mem' }));
  const [block] = plan.blocks;
  t.truthy(block);
  if (!block) return;
  const { kernel_path, kernel_version } = await ensureGuest({
    variant: 'stock',
    progress: silentProgress,
    cache_dir: cacheDir(),
  });
  const initrd_path = join(FOLDER, 'no-initrd');
  writeFileSync(initrd_path, 'This is no archive.');
  const recorder = new BenchFolder(join(FOLDER, 'failed'));
  const step = runStep(
    { kind: 'block', block },
    {
      hypervisor: await openHypervisor('qemu'),
      guests: {
        programs: { instance_path: '', floor_path: '', off_path: '', prices_path: '' },
        files: new Map([['stock', { kernel_path, initrd_path, kernel_version }]]),
        kernel_version,
        compiler: 'none',
        kernels: [],
        rootfs_key: '',
      },
      recorder,
      plan,
      vm_memory_bytes: 2 * GIB,
      started_ms: hostClock.nowMs(),
      parent_dir: join(FOLDER, 'vms'),
      say: () => undefined,
    },
  );
  const error = await t.throwsAsync(step);
  t.regex(describeError(error), /^HP_GUEST_/);
  const console_path = join(FOLDER, 'failed', `console-${block.block}.log`);
  t.regex(readFileSync(console_path, 'utf8'), /Linux version[^]*Kernel panic/);
});

test('a run that a signal ends says so with a code, and its folder is marked', async (t) => {
  const abort = new AbortController();
  const folder = join(FOLDER, 'interrupted');
  const run = runBench({
    plan: makePlan(parseOptions({ short: true, mechanism: 'hotmem' })),
    folder,
    hotplane_version: 'test',
    command: ['test'],
    progress: silentProgress,
    onPlan: () => abort.abort('SIGINT'),
    signal: abort.signal,
  });
  await t.throwsAsync(run, { code: 'HP_BENCH_INTERRUPTED' });
  const manifest: unknown = JSON.parse(readFileSync(join(folder, BENCH_FILES.manifest), 'utf8'));
  t.like(manifest, { status: 'interrupted' });
});

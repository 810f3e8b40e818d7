/**
 * Goal: the series does what it promises, in our own guest. Method: the selftest program of the
 * series, once as an operator would run it and once hardened and split; with HOTPLANE_DEBUG_KERNEL=1
 * on the debug kernel too, which takes long to build and to run.
 */
import test, { type ExecutionContext } from 'ava';
import { MIB } from '../../base/units.ts';
import { runSelftest, type SelftestOptions } from './selftest-run.ts';

/** Cases that need what this guest has not; anything else that is skipped is a failure. */
const MAY_SKIP: readonly string[] = ['memory_failure', 'split', 'uffd'];

async function holds(t: ExecutionContext, options: SelftestOptions): Promise<void> {
  t.timeout(options.deadline_ms + 120_000);
  const run = await runSelftest(t, options);
  const failed = run.cases.filter(({ outcome }) => outcome === 'fail');
  const skipped = run.cases.filter(({ outcome }) => outcome === 'skip').map(({ name }) => name);
  t.log(`${JSON.stringify(run.totals)}, skipped: ${skipped.join(', ') || 'none'}`);
  t.not(run.totals, null, `the program did not end:\n${run.console_tail}`);
  t.deepEqual(failed, []);
  t.deepEqual(run.splats, []);
  t.deepEqual(
    skipped.filter((name) => !MAY_SKIP.includes(name)),
    [],
  );
  t.true((run.totals?.pass ?? 0) >= 40, 'the program ran its cases');
}

test.serial('the selftests of the series pass', async (t) => {
  await holds(t, {
    variant: 'hotmem',
    init_on_alloc: false,
    partitions: 1,
    boot_bytes: 640 * MIB,
    deadline_ms: 180_000,
  });
});

test.serial(
  'they pass with two partitions on one device, init_on_alloc and fresh bits',
  async (t) => {
    await holds(t, {
      variant: 'hotmem',
      init_on_alloc: true,
      partitions: 2,
      kernel_arguments: ['hotmem.trust_fresh=1'],
      boot_bytes: 640 * MIB,
      deadline_ms: 180_000,
    });
  },
);

const wanted = process.env['HOTPLANE_DEBUG_KERNEL'];
const onDebugKernel = wanted ? test.serial : test.serial.skip;

onDebugKernel('they pass on the debug kernel without a splat', async (t) => {
  await holds(t, {
    variant: 'debug',
    init_on_alloc: true,
    partitions: 2,
    env: { HOTMEM_STRESS: '100' },
    boot_bytes: 1280 * MIB,
    deadline_ms: 1_200_000,
  });
});

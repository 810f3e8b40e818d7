/** Runs of the selftest program that a test wants to pass, and what is true of a good one. */
import test, { type ExecutionContext } from 'ava';
import { MIB } from '../../base/units.ts';
import { guestFiles } from './files-program.ts';
import { splats } from '../../bench/kernel/selftest-lines.ts';
import {
  bootSelftestGuest,
  PARTITION_BYTES,
  type SelftestGuest,
  type SelftestGuestOptions,
} from './selftest-guest.ts';
import { ObedientHand, runSelftest } from '../../bench/kernel/selftest-run.ts';

/** Cases that need two partitions on a device. */
const OF_TWO = [
  'split',
  'set',
  'set_attach',
  'set_bad',
  'set_full',
  'set_grow',
  'set_race',
] as const;
/** Cases that need what this guest has not; anything else that is skipped is a failure. */
const MAY_SKIP: readonly string[] = ['memory_failure', 'uffd'];
const RUN_MS = 480_000;
/** For boot and end. */
const MARGIN_MS = 900_000;

/** As an operator would run it. */
const ORDINARY: SelftestGuestOptions = {
  variant: 'hotmem',
  init_on_alloc: false,
  boot_bytes: 640 * MIB,
  devices_bytes: [PARTITION_BYTES],
  hotmem: 'all',
};

/** Two partitions on one device, hardened. */
export const SPLIT = {
  init_on_alloc: true,
  devices_bytes: [2 * PARTITION_BYTES],
  hotmem: 'all/2',
} as const satisfies Partial<SelftestGuestOptions>;

/** With room for the memory of the checks. */
export const DEBUG = {
  variant: 'debug',
  boot_bytes: 1280 * MIB,
} as const satisfies Partial<SelftestGuestOptions>;

/** A test that only runs where the time for it is: .ci/run sets HOTPLANE_DEBUG_KERNEL. */
export const onDebugKernel = process.env['HOTPLANE_DEBUG_KERNEL'] ? test.serial : test.serial.skip;
const onDebugKernelAtLength =
  process.env['HOTPLANE_DEBUG_KERNEL'] === 'all' ? test.serial : test.serial.skip;

/** Both kernels of the series, for what takes too long on the second one to be part of CI. */
export const KERNELS = [
  { name: 'normal kernel', changes: {}, onKernel: test.serial },
  { name: 'debug kernel', changes: DEBUG, onKernel: onDebugKernelAtLength },
] as const;

export async function bootOrdinary(
  t: ExecutionContext,
  changes: Partial<SelftestGuestOptions> = {},
  deadline_ms = RUN_MS,
): Promise<SelftestGuest> {
  t.timeout(deadline_ms + MARGIN_MS);
  return await bootSelftestGuest(t, { ...ORDINARY, ...changes });
}

/** Asserts that a run of the program ends, nothing fails, nothing is skipped that has not to be. */
export async function selftestsPass(
  t: ExecutionContext,
  guest: SelftestGuest,
  expected: {
    readonly pass_min: number;
    /** On a device; 1 if absent. */
    readonly partitions?: number;
    readonly deadline_ms?: number;
    /** Warnings that are the machine's, not the guest's. */
    readonly machine_warnings?: RegExp;
  },
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  const deadline_ms = expected.deadline_ms ?? RUN_MS;
  const run = await runSelftest(guest, new ObedientHand(guest.vm), { env, deadline_ms });
  const failed = run.cases.filter(({ outcome }) => outcome === 'fail');
  const skipped = run.cases.filter(({ outcome }) => outcome === 'skip').map(({ name }) => name);
  t.log(`${JSON.stringify(run.totals)}, skipped: ${skipped.join(', ') || 'none'}`);
  t.not(run.totals, null, `the program did not end:\n${run.tail}`);
  t.deepEqual(failed, [], run.tail);
  const may_skip = [...MAY_SKIP, ...((expected.partitions ?? 1) < 2 ? OF_TWO : [])];
  t.deepEqual(
    skipped.filter((name) => !may_skip.includes(name)),
    [],
  );
  const passed = run.totals?.pass ?? 0;
  t.true(passed >= expected.pass_min, `the program ran its cases: ${passed}`);
  await noSplat(t, guest, expected.machine_warnings);
}

export async function noSplat(
  t: ExecutionContext,
  guest: SelftestGuest,
  but?: RegExp,
): Promise<void> {
  const found = splats((await guest.lines()).join('\n'));
  t.deepEqual(
    found.filter((line) => !but?.test(line)),
    [],
  );
}

/** What must be zero when all is over. */
const ZERO = ['users', 'plugged_bytes', 'used_bytes', 'bad_bytes', 'pages_migrated'] as const;

/** Asserts that nothing is left of what the first device had, in the guest or with QEMU. */
export async function booksBalance(t: ExecutionContext, guest: SelftestGuest): Promise<void> {
  const paths = ['state', ...ZERO].map((name) => `/sys/class/hotmem/virtio1.0/${name}`);
  const values = await guestFiles(guest, paths);
  t.deepEqual(values, ['empty', ...ZERO.map(() => '0')], `state, ${ZERO.join(', ')}`);
  t.is((await guest.vm.observe()).regions[0]?.plugged_bytes, 0);
}

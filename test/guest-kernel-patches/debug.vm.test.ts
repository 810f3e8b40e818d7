/**
 * Goal: the series does nothing that the checks of the kernel see. Method: a kernel with KASAN,
 * lockdep, kmemleak and others (guest-kernel-patches/config/debug.config); KUnit at boot, the whole
 * selftest program, then a look for leaks. With HOTPLANE_DEBUG_KERNEL=1 only: it takes long.
 */
import test from 'ava';
import { MIB } from '../../base/units.ts';
import { leaks } from './files-program.ts';
import { parseKunit } from './kunit.ts';
import { bootOrdinary, noSplat, selftestsPass, SPLIT } from './selftest-checks.ts';

const RUN_MS = 1_200_000;
const CHECKED = {
  ...SPLIT,
  variant: 'debug',
  boot_bytes: 1280 * MIB,
  kernel_arguments: ['page_poison=1', 'page_owner=on'],
} as const;

const wanted = process.env['HOTPLANE_DEBUG_KERNEL'];
const onDebugKernel = wanted ? test.serial : test.serial.skip;

onDebugKernel('KUnit and selftests pass on the debug kernel, no splat, no leak', async (t) => {
  const guest = await bootOrdinary(t, CHECKED, RUN_MS);
  const kunit = parseKunit((await guest.lines()).join('\n'), 'hotmem');
  t.log(`KUnit: ${kunit?.cases.length ?? 0} cases of ${kunit?.planned ?? 0}`);
  t.is(kunit?.outcome, 'pass');
  t.true(kunit && kunit.cases.length > 0 && kunit.cases.length === kunit.planned);
  t.deepEqual(
    kunit?.cases.filter(({ outcome }) => outcome !== 'pass'),
    [],
  );
  const expected = { pass_min: 45, deadline_ms: RUN_MS };
  await selftestsPass(t, guest, expected, { HOTMEM_STRESS: '20' });
  t.deepEqual(await leaks(guest), []);
  await noSplat(t, guest);
});

/**
 * Goal: what the series promises it keeps on a second machine. Method: an arm64 kernel with pages
 * of 4 KiB, made by the cross compiler and emulated by qemu-system-aarch64; the whole selftest
 * program, and its `stress` case alone, after which the books must balance.
 *
 * Runs with HOTPLANE_ARM64=1, and then needs the Debian packages gcc-aarch64-linux-gnu,
 * libc6-dev-arm64-cross and qemu-system-arm.
 *   HOTPLANE_STRESS_CYCLES   plug, attach, fork, exit, unplug; default 100
 *   HOTPLANE_STRESS_SEED     of the choices; default 1
 */
import test from 'ava';
import { formatMs } from '../../base/units.ts';
import { bootOrdinary, booksBalance, noSplat, selftestsPass } from './selftest-checks.ts';
import { ObedientHand, runSelftest } from '../../bench/kernel/selftest-run.ts';

const onArm64 = process.env['HOTPLANE_ARM64'] ? test.serial : test.serial.skip;
const ARM64 = { arch: 'arm64', hello_ms: 600_000 } as const;
const CYCLES = Number(process.env['HOTPLANE_STRESS_CYCLES'] ?? 100);
const SEED = Number(process.env['HOTPLANE_STRESS_SEED'] ?? 1);
const RUN_MS = 1_200_000;
/** A slow host with several others on it. */
const CYCLE_MS = 4_000;
const MARGIN_MS = 240_000;

onArm64('the selftests of the series pass on arm64', async (t) => {
  const guest = await bootOrdinary(t, ARM64, RUN_MS);
  await selftestsPass(t, guest, { pass_min: 40, deadline_ms: RUN_MS });
});

onArm64('a partition is plugged, used and unplugged many times on arm64', async (t) => {
  const deadline_ms = CYCLES * CYCLE_MS + MARGIN_MS;
  const guest = await bootOrdinary(t, ARM64, deadline_ms);
  const began_ms = performance.now();
  const env = {
    HOTMEM_CASES: 'stress',
    HOTMEM_STRESS: `${CYCLES}`,
    HOTMEM_SEED: `${SEED}`,
  };
  const run = await runSelftest(guest, new ObedientHand(guest.vm), { env, deadline_ms });
  t.log(`seed ${SEED}, ${CYCLES} cycles in ${formatMs(performance.now() - began_ms)}`);
  t.deepEqual(run.totals, { pass: 1, fail: 0, skip: 0 }, run.tail);
  await booksBalance(t, guest);
  await noSplat(t, guest);
});

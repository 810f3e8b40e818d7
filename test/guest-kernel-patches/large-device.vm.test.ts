/**
 * Goal: a device may be made as large as it may ever get; what that costs the guest depends on the
 * memory the guest has. Method: a small guest with a device a hundred times its size, left alone
 * until its kernel has taken what it takes ahead; then its partition is used.
 */
import test from 'ava';
import { hostClock } from '../../base/clock.ts';
import { GIB } from '../../base/units.ts';
import { waitFor } from '../../base/wait.ts';
import { bootOrdinary, noSplat } from './selftest-checks.ts';
import { ObedientHand, runSelftest } from '../../bench/kernel/selftest-run.ts';

const DEVICE_BYTES = 64 * GIB;
const RUN_MS = 120_000;
/** Adding a memory map of some hundred MiB. */
const MAP_MS = 120_000;
const CASES = ['attach_before_plug', 'memory', 'unplug_one_request'];

test.serial('a device of 64 GiB costs a guest of 640 MiB no more than half', async (t) => {
  const guest = await bootOrdinary(t, { devices_bytes: [DEVICE_BYTES] }, RUN_MS + MAP_MS);
  const isMapped = async (): Promise<true | null> =>
    (await guest.lines()).some((line) => /partition 0 has a memory map for 0x/.test(line)) || null;
  const until = { clock: hostClock, deadline_ms: MAP_MS };
  t.true(await waitFor(isMapped, until), 'it stops before memory is short');

  const env = { HOTMEM_CASES: CASES.join(',') };
  const run = await runSelftest(guest, new ObedientHand(guest.vm), { env, deadline_ms: RUN_MS });
  t.deepEqual(run.totals, { pass: CASES.length, fail: 0, skip: 0 }, run.tail);
  await noSplat(t, guest);
});

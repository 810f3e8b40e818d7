/**
 * Goal: a device may be made as large as it may ever get; what that costs the guest depends on the
 * memory the guest has. Method: a small guest with a device a hundred times its size, left alone
 * until its kernel has taken what it takes ahead; then its partition is used.
 *
 * On the debug kernel, which is left the same memory, with HOTPLANE_DEBUG_KERNEL=all.
 */
import { hostClock } from '../../base/clock.ts';
import { GIB, MIB } from '../../base/units.ts';
import { waitFor } from '../../base/wait.ts';
import { bootOrdinary, KERNELS, noSplat } from './selftest-checks.ts';
import { ObedientHand, runSelftest } from '../../bench/kernel/selftest-run.ts';

const BOOT_BYTES = 640 * MIB;
const DEVICE_BYTES = 64 * GIB;
const RUN_MS = 600_000;
/** Adding a memory map of some hundred MiB. */
const MAP_MS = 300_000;
const CASES = ['attach_before_plug', 'memory', 'unplug_one_request'];

for (const { name, changes, onKernel } of KERNELS) {
  onKernel(`a device of 64 GiB costs a guest of 640 MiB no more than half, ${name}`, async (t) => {
    const kernel_arguments = ['kunit.enable=0'];
    const machine = {
      ...changes,
      boot_bytes: BOOT_BYTES,
      devices_bytes: [DEVICE_BYTES],
      kernel_arguments,
    };
    const guest = await bootOrdinary(t, machine, RUN_MS + MAP_MS);
    const isMapped = async (): Promise<true | null> =>
      (await guest.lines()).some((line) => /partition 0 has a memory map for 0x/.test(line)) ||
      null;
    const until = { clock: hostClock, deadline_ms: MAP_MS };
    t.true(await waitFor(isMapped, until), 'it stops before memory is short');

    const env = { HOTMEM_CASES: CASES.join(',') };
    const run = await runSelftest(guest, new ObedientHand(guest.vm), { env, deadline_ms: RUN_MS });
    t.deepEqual(run.totals, { pass: CASES.length, fail: 0, skip: 0 }, run.tail);
    await noSplat(t, guest);
  });
}

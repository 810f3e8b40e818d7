/**
 * Goal: the project's guest is whole under Cloud Hypervisor: what its programs print arrives on the
 * console, and partitions work. Method: the guest with the series on the real server, where
 * CLOUD_HYPERVISOR names it and KVM can run an ordinary guest.
 */
import type { ExecutionContext } from 'ava';
import { CloudHypervisorDriver } from '../../../hypervisor-client/cloud-hypervisor/index.ts';
import { readTail } from '../../../hypervisor-client/host/log-tail.ts';
import { ensureGuest } from '../../../images/index.ts';
import { guestFiles } from '../../guest-kernel-patches/files-program.ts';
import { bootOrdinary, selftestsPass, SPLIT } from '../../guest-kernel-patches/selftest-checks.ts';
import type {
  SelftestGuest,
  SelftestGuestOptions,
} from '../../guest-kernel-patches/selftest-guest.ts';
import { BINARY } from './binary.ts';
import { realGuestTest } from './real-binary.ts';

const HELLO_MS = 240_000;
const SELFTEST_MS = 600_000;
/** KVM on an emulated CPU passes on a size of its extended state that Linux does not believe. */
const EMULATED_CPU = /WARNING: .* at fpu__init_system_xstate\+/;
const RELEASE = '/proc/sys/kernel/osrelease';

/** Cases that wait for states alone, and fit a guest that is emulated twice. */
const CASES: readonly string[] = [
  'attach_empty',
  'attach_before_plug',
  'memory',
  'fork_cow',
  'stays_out',
  'overflow',
  'accounting',
  'secret_replug',
  'unplug_busy',
  'unplug_cancel',
  'resize',
  'split',
];

const check = await realGuestTest();

async function boot(
  t: ExecutionContext,
  changes: Partial<SelftestGuestOptions> = {},
): Promise<SelftestGuest> {
  const hypervisor = new CloudHypervisorDriver({ command: [BINARY] });
  const options = { hypervisor, vcpus: 1, hello_ms: HELLO_MS, ...changes };
  return await bootOrdinary(t, options, SELFTEST_MS);
}

check('real: what a program of the guest prints is on the console', async (t) => {
  const { manifest } = await ensureGuest({ variant: 'hotmem' });
  const guest = await boot(t);
  t.deepEqual(await guestFiles(guest, [RELEASE]), [manifest.release]);
  const tail = await readTail(guest.vm.console_path);
  t.true(tail.includes(`# file ${RELEASE}: ${manifest.release}\r\n`), tail);
});

check('real: selftests of the series pass', async (t) => {
  const guest = await boot(t, SPLIT);
  const expected = {
    pass_min: CASES.length,
    deadline_ms: SELFTEST_MS,
    machine_warnings: EMULATED_CPU,
  };
  await selftestsPass(t, guest, expected, { HOTMEM_CASES: CASES.join(',') });
});

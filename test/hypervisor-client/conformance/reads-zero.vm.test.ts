/**
 * Goal: the suite sees a host whose plugged memory does not read zero, though its driver says so.
 * Method: QEMU, and a hand that writes into what the guest has given back before it is plugged
 * again. A guest that was told nothing clears it, and finds nothing.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { MIB } from '../../../base/units.ts';
import { QemuDriver } from '../../../hypervisor-client/qemu/driver.ts';
import { deviceOf } from '../../../hypervisor-client/spec.ts';
import { REGION } from '../../../hypervisor-client/testing/conformance/vms.ts';
import { qemuWith } from '../../guest-kernel-patches/qemu-with.ts';
import {
  openBacking,
  scribble,
  SCRIBBLE_MONITOR,
} from '../../guest-kernel-patches/scribbling-hand.ts';
import { partitionImage, takePartitionGuest } from './partition-guest.ts';

/** At the start of the region: what a program has itself, which would crash of what it finds. */
const OWN_BYTES = 32 * MIB;
const RESIZE = { deadline_ms: 60_000 };

/** Whether each use of the region found nothing but zeros; the host writes before the second. */
async function foundZeros(t: ExecutionContext, trusts: boolean): Promise<boolean[]> {
  const run_dir = await mkdtemp(join(tmpdir(), 'hotplane-scribbled-'));
  t.teardown(() => rm(run_dir, { recursive: true, force: true }));
  const words = SCRIBBLE_MONITOR.map((word) => word.replaceAll('RUN_DIR', run_dir));
  const driver = new QemuDriver({ program: await qemuWith(run_dir, words) });
  const vm = await driver.launch({
    id: 'scribbled',
    run_dir,
    ...(await partitionImage(1)),
    vcpus: 2,
    boot_bytes: 512 * MIB,
    devices: [deviceOf({ id: 'r0', max_bytes: REGION, initial_bytes: 0 })],
    backing: 'anonymous',
    accelerator: 'auto',
  });
  t.teardown(() => vm.shutdown());
  const guest = await takePartitionGuest(vm);
  const backing = await openBacking(vm, run_dir);
  t.teardown(() => backing.memory.close());
  const { bytes } = guest;
  if (!bytes) throw new Error('this guest cannot look at bytes');
  if (trusts) await bytes.trust();
  const found: boolean[] = [];
  for (const _ of [1, 2]) {
    t.like(await vm.resizeRegion('r0', REGION, RESIZE), { outcome: 'done' });
    const [region] = (await vm.observe()).regions;
    if (!region) throw new Error('the VM has no region');
    found.push(await bytes.fill(region));
    await guest.leave(region);
    t.like(await vm.resizeRegion('r0', 0, RESIZE), { outcome: 'done' });
    await scribble(backing, OWN_BYTES, REGION);
  }
  return found;
}

test.serial('a host that breaks the word of its driver is seen', async (t) => {
  t.deepEqual(await foundZeros(t, true), [true, false]);
});

test.serial('a guest that was not told of it clears what is plugged', async (t) => {
  t.deepEqual(await foundZeros(t, false), [true, true]);
});

/**
 * Goal: what is wrong in `hotmem=` costs one line in the log and the device that it names, nothing
 * else. Method: a guest with good and bad devices side by side; those that are not partitions are
 * used as ordinary regions.
 */
import test, { type ExecutionContext } from 'ava';
import { bootOrdinary, noSplat } from './selftest-checks.ts';
import { PARTITION_BYTES, type SelftestGuest } from './selftest-guest.ts';
import { ObedientHand, runSelftest } from '../../bench/kernel/selftest-run.ts';

const RUN_MS = 120_000;
const RESIZE_MS = 30_000;
const CASES = ['attach_before_plug', 'memory', 'unplug_one_request'];

async function boot(
  t: ExecutionContext,
  hotmem: string,
  devices: number,
  qemu_arguments: readonly string[] = [],
): Promise<SelftestGuest> {
  const devices_bytes = Array.from({ length: devices }, () => PARTITION_BYTES);
  return await bootOrdinary(t, { devices_bytes, hotmem, qemu_arguments }, RUN_MS);
}

const device = (index: number): string => `0000:00:08.${index}`;

/** Lines of the log that contain all of these. */
async function linesWith(guest: SelftestGuest, ...parts: readonly string[]): Promise<number> {
  const lines = await guest.lines();
  return lines.filter((line) => parts.every((part) => line.includes(part))).length;
}

/** It takes memory and gives it back. */
async function isOrdinary(t: ExecutionContext, guest: SelftestGuest, id: string): Promise<void> {
  for (const bytes of [PARTITION_BYTES, 0]) {
    const { outcome, reason } = await guest.vm.resizeRegion(id, bytes, { deadline_ms: RESIZE_MS });
    t.is(outcome, 'done', `${id} to ${bytes}: ${reason}`);
  }
}

/** Nobody plugs it, and nothing happens to the guest. */
async function isRefused(t: ExecutionContext, guest: SelftestGuest, id: string): Promise<void> {
  const resize = { deadline_ms: 1_000 };
  const { outcome } = await guest.vm.resizeRegion(id, PARTITION_BYTES / 4, resize);
  t.is(outcome, 'refused', id);
}

/** A device too small for a region of the driver, and room for it. */
const SMALL: readonly string[] = [
  '-m',
  'maxmem=8G',
  '-object',
  'memory-backend-ram,id=small,size=64M,reserve=off',
  '-device',
  'virtio-mem-pci,id=small,memdev=small,bus=pcie.0,addr=0x9',
];

test.serial('each bad entry costs one line and its device; the others work', async (t) => {
  const entries = [
    device(0),
    `${device(1)}/65`,
    `${device(2)}/0`,
    `${device(3)}/two`,
    `${device(4)}/3`,
    '0000:00:09.0',
  ];
  const guest = await boot(t, entries.join(','), 6, SMALL);

  t.is(await linesWith(guest, 'HotMem: the number of partitions is 1 to 64'), 3);
  t.is(await linesWith(guest, 'HotMem: cannot make 3 partition(s) of 0x10000000 bytes'), 1);
  t.is(await linesWith(guest, 'HotMem: cannot make 1 partition(s) of 0x4000000 bytes'), 1);
  t.is(await linesWith(guest, 'HotMem: 1 partition(s) of 0x10000000 bytes'), 1);
  t.is(await linesWith(guest, 'HotMem:'), 6);
  await Promise.all(['r1', 'r2', 'r3', 'r4'].map((id) => isRefused(t, guest, id)));
  await isOrdinary(t, guest, 'r5');

  const env = { HOTMEM_CASES: CASES.join(',') };
  const run = await runSelftest(guest, new ObedientHand(guest.vm), { env, deadline_ms: RUN_MS });
  t.deepEqual(run.totals, { pass: CASES.length, fail: 0, skip: 0 }, run.tail);
  await noSplat(t, guest);
});

test.serial('a name that fits no device costs a line; the device stays ordinary', async (t) => {
  const names = ['0000:00:1e.7', '/', 'all2', 'al', '0000:00:08.', '=/4294967297'];
  const guest = await boot(t, `${names.join(',')},,`, 1);
  for (const name of names) {
    t.is(await linesWith(guest, `hotmem: no virtio-mem device "${name}" so far`), 1, name);
  }
  t.is(await linesWith(guest, 'hotmem: '), names.length);
  await isOrdinary(t, guest, 'r0');
  await noSplat(t, guest);
});

test.serial('more than fits is ignored with a line; the device stays ordinary', async (t) => {
  const guest = await boot(t, `${'x'.repeat(1100)},all`, 1);
  t.is(await linesWith(guest, 'hotmem: hotmem= is too long, ignored'), 1);
  t.is(await linesWith(guest, 'hotmem: '), 1);
  await isOrdinary(t, guest, 'r0');
  await noSplat(t, guest);
});

/**
 * Goal: the series does what it promises, in our own guest. Method: the selftest program of the
 * series, once as an operator would run it and once hardened and split, and what depends on the
 * geometry of the device with large device blocks.
 */
import test from 'ava';
import { bootOrdinary, selftestsPass, SPLIT } from './selftest-checks.ts';

test.serial('the selftests of the series pass', async (t) => {
  await selftestsPass(t, await bootOrdinary(t), { pass_min: 40 });
});

test.serial('they pass with two partitions on one device and init_on_alloc', async (t) => {
  await selftestsPass(t, await bootOrdinary(t, SPLIT), { pass_min: 40, partitions: 2 });
});

/** Cases in which the size of a device block could matter; all their sizes are multiples of it. */
const GEOMETRY = [
  'attach_before_plug',
  'memory',
  'thp',
  'unplug_busy',
  'unplug_cancel',
  'unplug_one_request',
  'resize',
  'grow_busy',
  'grow_wait',
  'shrink',
  'shrink_later',
  'offline',
  'map_idle',
  'unbind_idle',
];
const LARGE_BLOCKS: Readonly<Record<string, readonly string[]>> = {
  '4M': [...GEOMETRY, 'stress', 'breathe'],
  '128M': GEOMETRY,
};

for (const [block, cases] of Object.entries(LARGE_BLOCKS)) {
  test.serial(`they pass with device blocks of ${block}`, async (t) => {
    const qemu_arguments = ['-global', `virtio-mem-pci.block-size=${block}`];
    const guest = await bootOrdinary(t, { qemu_arguments });
    const env = { HOTMEM_CASES: cases.join(',') };
    await selftestsPass(t, guest, { pass_min: cases.length }, env);
  });
}

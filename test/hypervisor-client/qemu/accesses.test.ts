/** Counts of accesses: how QEMU is told, whose addresses are which, and what their file says. */
import test from 'ava';
import {
  accessArguments,
  accessesIn,
  checkAccessVersion,
  checkApart,
  parseAccesses,
  parseDeviceMemory,
  parseRamBlocks,
  deviceRegionRanges,
} from '../../../hypervisor-client/qemu/accesses.ts';
import { GIB, KIB, MIB } from '../../../base/units.ts';

const PLUGIN = { path: '/c/accesses,1.so', sets: 2_048, ways: 16 };
const RAM_BLOCKS = [
  '              Block Name    PSize              Offset               Used              Total',
  '                    boot    4 KiB  0x0000000000000000 0x0000000010000000 0x0000000010000000',
  '   0000:00:08.0/memory-a    2 MiB  0x0000000010000000 0x0000000008000000 0x0000000008000000',
  '    /rom@etc/acpi/tables    4 KiB  0x000000001c080000 0x0000000000020000 0x0000000000200000',
].join('\r\n');
const MEMORY_TREE = [
  'address-space: memory',
  '  0000000000000000-ffffffffffffffff (prio 0, i/o): system',
  '    0000000110000000-000000023bffffff (prio 0, i/o): device-memory',
  '      0000000110000000-0000000117ffffff (prio 0, ram): memory-a',
].join('\r\n');

test('a comma in a path ends no argument, and there are counters for every address', (t) => {
  const [flag, value = ''] = accessArguments(PLUGIN, '/run/a,b/accesses', GIB);
  t.is(flag, '-plugin');
  t.regex(
    value,
    /^\/c\/accesses,,1\.so,counts=\/run\/a,,b\/accesses,granules=\d+,shift=18,sets=2048,ways=16$/,
  );
  const granules = Number(/granules=(\d+)/.exec(value)?.[1]);
  t.true(granules * 256 * KIB > 2 * GIB, 'an offset among blocks, and one among devices');
});

test('pages have counters of their own where that is asked for, as many as there are', (t) => {
  const [, value = ''] = accessArguments({ ...PLUGIN, granule_bytes: 4 * KIB }, '/c', GIB);
  t.regex(value, /,shift=12,/);
  t.true(Number(/granules=(\d+)/.exec(value)?.[1]) * 4 * KIB > 2 * GIB);
});

test('blocks are known by their names, whichever device has them', (t) => {
  const blocks = parseRamBlocks(RAM_BLOCKS);
  t.is(blocks.get('boot'), 0);
  t.is(blocks.get('memory-a'), 0x1000_0000);
  t.is(parseDeviceMemory(MEMORY_TREE), 0x1_1000_0000);
  t.is(parseDeviceMemory('  0000000000000000-ffffffffffffffff (prio 0, i/o): system'), null);
});

test('regions of one device lie one behind the other', (t) => {
  const regions = ['r0', 'r1'].map((id) => ({ id, max_bytes: 128 * MIB, initial_bytes: 0 }));
  t.deepEqual(deviceRegionRanges({ regions }, GIB), [
    { id: 'r0', start: GIB, bytes: 128 * MIB },
    { id: 'r1', start: GIB + 128 * MIB, bytes: 128 * MIB },
  ]);
});

test('two that share addresses are refused, and so is one that shares a granule', (t) => {
  const boot = { id: 'boot', start: 0, bytes: 64 * MIB };
  t.notThrows(() => checkApart([{ id: 'a', start: 64 * MIB, bytes: 8 * MIB }, boot]));
  const over = [boot, { id: 'a', start: 63 * MIB, bytes: 8 * MIB }];
  t.throws(() => checkApart(over), { message: /boot and a cannot be told apart/ });
  const odd = [boot, { id: 'a', start: 64 * MIB + 4 * KIB, bytes: 8 * MIB }];
  t.throws(() => checkApart(odd), { message: /of a cannot be told apart/ });
});

test('another QEMU than 7.2 gives other addresses, and is refused', (t) => {
  t.notThrows(() => checkAccessVersion('7.2.22'));
  for (const version of ['', '8.2.0', '10.0.0', '17.2.1']) {
    t.throws(() => checkAccessVersion(version), { message: /under QEMU 7\.2/ });
  }
});

/** A file of two vCPUs with four granules each. */
function fileOf(words: readonly (readonly [at: number, value: number])[]): Uint8Array {
  const bytes = new Uint8Array(64 + 2 * (64 + 4 * 32));
  const view = new DataView(bytes.buffer);
  const header = [0x3153_5450_4f48, 2, 4, 18, 64, 2_048, 16];
  for (const [at, value] of header.entries()) view.setBigUint64(at * 8, BigInt(value), true);
  for (const [at, value] of words) view.setBigUint64(at, BigInt(value), true);
  return bytes;
}
const OWN = [64, 64 + 64 + 4 * 32] as const;

test('what all vCPUs did in a range is summed, since a time or the start', (t) => {
  const before = parseAccesses(fileOf([[OWN[0] + 64 + 32, 5]]));
  const now = parseAccesses(
    fileOf([
      [OWN[0], 100],
      [OWN[1], 10],
      [OWN[0] + 64 + 32, 7],
      [OWN[1] + 64 + 32 + 8, 3],
      [OWN[1] + 64 + 32 + 24, 24],
      [OWN[1] + 64 + 2 * 32 + 16, 1],
      [OWN[1] + 64 + 2 * 32, 1],
      [OWN[1] + 64 + 3 * 32, 99],
    ]),
  );
  if (!now || !before) throw new Error('they are files of counts');
  t.is(now.instructions, 110);
  const range = { id: 'a', start: 256 * KIB, bytes: 512 * KIB };
  t.deepEqual(accessesIn(range, now), { loads: 8, stores: 3, fills: 1, stored_bytes: 24 });
  t.deepEqual(accessesIn(range, now, before), { loads: 3, stores: 3, fills: 1, stored_bytes: 24 });
});

test('a file of something else, or one that is cut off, has no counts', (t) => {
  t.is(parseAccesses(new Uint8Array(10)), null);
  t.is(parseAccesses(new Uint8Array(1_000)), null);
  t.is(parseAccesses(fileOf([]).slice(0, -1)), null);
  t.not(parseAccesses(fileOf([])), null);
});

import test from 'ava';
import { GIB, MIB } from '../../../base/units.ts';
import { nodeBootBytes } from '../../../hypervisor-client/host/guest-node.ts';

test('a guest node has room for the memory map of its regions, and 8 MiB more', (t) => {
  const table: readonly (readonly [number, number])[] = [
    [0, 16],
    [128 * MIB, 16],
    [512 * MIB, 16],
    [640 * MIB, 18],
    [GIB, 24],
    [2 * GIB, 40],
    [8 * GIB, 136],
  ];
  for (const [regions_bytes, boot_mib] of table) {
    t.is(nodeBootBytes(regions_bytes) / MIB, boot_mib, `${regions_bytes / MIB} MiB`);
  }
});

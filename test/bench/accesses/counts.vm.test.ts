/**
 * Goal: what is counted of each region is what the guest did there, to the last access.
 * Method: a machine without an operating system that does a known number of them, and ends.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { execa } from 'execa';
import { PROJECT_ROOT } from '../../../base/paths.ts';
import { hostClock } from '../../../base/clock.ts';
import { KIB, MIB } from '../../../base/units.ts';
import { waitFor } from '../../../base/wait.ts';
import { ensureAccessPlugin } from '../../../bench/accesses/program.ts';
import {
  accessArguments,
  accessesIn,
  type AccessTable,
  parseAccesses,
  readAccessRanges,
} from '../../../hypervisor-client/qemu/accesses.ts';
import { QmpClient } from '../../../hypervisor-client/qemu/qmp.ts';

/** Where the guest looks for its regions, each of 128 MiB. */
const REGIONS = { a: 0x1_0000_0000, b: 0x1_1000_0000, c: 0x1_2000_0000 };
const REGION_BYTES = 128 * MIB;
const BOOT_BYTES = 64 * MIB;
/** What the guest ends QEMU with. */
const ENDED = 3;

const words = (text: string): string[] => text.split(' ');

const SOURCES = join(PROJECT_ROOT, 'test/bench/accesses');

/** Sixty-four lines are loaded again and again: they fit, or each is evicted before its turn. */
const CACHES = [
  { sets: 2_048, ways: 16, refilled: 64, granule_bytes: 4 * KIB },
  { sets: 1, ways: 63, refilled: 6_400, granule_bytes: 256 * KIB },
  { sets: 1, ways: 64, refilled: 64, granule_bytes: 256 * KIB },
];

for (const { refilled, ...cache } of CACHES) {
  const told = `${cache.sets} x ${cache.ways} lines`;
  test(`loads, stores and filled lines of each region are counted exactly: ${told}`, async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'hp-accesses-'));
    t.teardown(async () => await rm(folder, { recursive: true, force: true }));
    const guest = join(folder, 'guest');
    const link = ['-nostdlib', '-static', '-no-pie', '-Wl,--build-id=none'];
    const script = `-Wl,-T,${join(SOURCES, 'guest.ld')}`;
    await execa('gcc', ['-m32', ...link, script, '-o', guest, join(SOURCES, 'guest.S')]);
    const plugin = { path: await ensureAccessPlugin(), ...cache };
    const counts_path = join(folder, 'counts');
    const qmp_path = join(folder, 'qmp.sock');
    const devices = Object.entries(REGIONS).flatMap(([id, address]) => [
      '-object',
      `memory-backend-ram,id=memory-${id},size=${REGION_BYTES}`,
      '-device',
      `virtio-mem-pci,id=region-${id},memdev=memory-${id},memaddr=${address},requested-size=0`,
    ]);
    const machine = execa(
      'qemu-system-x86_64',
      [
        '-accel',
        'tcg',
        '-S',
        ...words('-cpu max -machine q35,memory-backend=boot -nodefaults -display none'),
        ...words(`-object memory-backend-ram,id=boot,size=${BOOT_BYTES}`),
        ...words(`-m ${BOOT_BYTES / MIB}M,maxmem=2G`),
        ...devices,
        ...words('-device isa-debug-exit,iobase=0xf4,iosize=1'),
        '-kernel',
        guest,
        '-qmp',
        `unix:${qmp_path},server=on,wait=off`,
        ...accessArguments(plugin, counts_path, BOOT_BYTES + 3 * REGION_BYTES),
      ],
      { reject: false, timeout: 60_000 },
    );
    const connect = async () =>
      await QmpClient.connect(qmp_path, { deadline_ms: 5_000 }).catch(() => null);
    const qmp = await waitFor(connect, { clock: hostClock, deadline_ms: 30_000 });
    if (!qmp) throw new Error('QEMU did not answer');
    const own_devices = Object.keys(REGIONS).map((id) => ({
      id,
      guest_node: null,
      regions: [{ id, max_bytes: REGION_BYTES, initial_bytes: 0 }],
    }));
    const ranges = await readAccessRanges(qmp, { boot_bytes: BOOT_BYTES, devices: own_devices });
    await qmp.execute('cont');
    qmp.close();
    const { exitCode, stderr } = await machine;
    t.is(exitCode, ENDED, stderr);
    const table: AccessTable | null = parseAccesses(await readFile(counts_path));
    if (!table) throw new Error('there are counts');
    const [boot, ...own] = ranges.map((range) => ({ id: range.id, ...accessesIn(range, table) }));
    t.deepEqual(own, [
      { id: 'a', loads: 0, stores: 4_096, fills: 4_096, stored_bytes: 4 * 4_096 },
      { id: 'b', loads: 6_400, stores: 0, fills: refilled, stored_bytes: 0 },
      // A page byte by byte, and a load across two lines.
      { id: 'c', loads: 1, stores: 4_096, fills: 66, stored_bytes: 4_096 },
    ]);
    t.true((boot?.stores ?? 0) > 0 && table.instructions > 4 * 4_096);
    t.like(table, { vcpus: 1, line_bytes: 64, ...cache });
  });
}

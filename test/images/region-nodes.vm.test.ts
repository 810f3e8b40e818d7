/**
 * Goal: an instance that is held to the node of its region can start there whatever others left
 * behind in the guest, and where it cannot it fails alone.
 * Method: a real VM with a node for each region. A file of an instance outlives it; unplugging its
 * region moves the file elsewhere, and an instance waits on the other node, whose region is not
 * plugged yet.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { PROTOCOL } from '../../guest/protocol/constants.ts';
import type { StartRequest } from '../../guest/protocol/protocol.ts';
import { ensureStaticProgram } from '../../images/rootfs/program.ts';
import { MIB } from '../../base/units.ts';
import { QemuDriver } from '../../hypervisor-client/qemu/driver.ts';
import { qemuWith } from '../guest-kernel-patches/qemu-with.ts';
import { type BootedGuest, connectGuest, launchGuest, REGION_BYTES } from './booted-guest.ts';

const RESIZE = { deadline_ms: 60_000 } as const;
const NUMA = { attach: 'numa', attach_timeout_ms: 90_000, memory_max_bytes: REGION_BYTES } as const;
/** More than the boot memory of a node of regions. */
const FILE_BYTES = 40 * MIB;

const PIPES = fileURLToPath(new URL('guest/pipes.c', import.meta.url));
const BOOST = fileURLToPath(new URL('guest/boost.c', import.meta.url));

/** What an instance in r0 wrote is there when it and the memory of r0 are gone. */
async function leaveFile(guest: BootedGuest): Promise<void> {
  await guest.vm.resizeRegion('r0', REGION_BYTES, RESIZE);
  await startIn(guest, 0, 'writer');
  const work = { anonymous_bytes: MIB, file_bytes: FILE_BYTES, cpu_ms: 0, wall_ms: 0 };
  await guest.work('writer', work);
  await guest.ask({ type: 'stop', instance: 'writer' });
  await guest.vm.resizeRegion('r0', 0, RESIZE);
}

const startIn = (
  guest: BootedGuest,
  region: number,
  instance: string,
  changes: Partial<StartRequest> = {},
): Promise<unknown> =>
  guest.start(instance, {
    ...NUMA,
    ...changes,
    guest_node: region + 1,
    region_pci: guest.pci[region] ?? '',
  });

test('a file that outlives its region leaves all nodes of regions what starts need', async (t) => {
  const program = await ensureStaticProgram({ name: 'test-pipes', sources: [PIPES] });
  const guest = await connectGuest(
    await launchGuest(t, 'nodes', [], { 'bin/test-pipes': program }),
  );
  await leaveFile(guest);
  const waiting = ['a', 'b', 'c'].flatMap((name) => [
    startIn(guest, 0, `r0-${name}`),
    startIn(guest, 1, `r1-${name}`),
  ]);
  // They have their sandboxes, and wait for memory.
  await Promise.race([...waiting, new Promise((resolve) => setTimeout(resolve, 2_000))]);
  for (const region of ['r0', 'r1']) {
    t.is((await guest.vm.resizeRegion(region, REGION_BYTES, RESIZE)).outcome, 'done');
  }
  await t.notThrowsAsync(Promise.all(waiting));
  for (const region of [0, 1]) {
    // What the kernel cannot move has no place but there.
    const name = `pipes-${region}`;
    await startIn(guest, region, name, {
      argv: ['/bin/test-pipes', '4'],
      env: { [PROTOCOL.ready_variable]: PROTOCOL.ready_exec },
    });
    t.like(await guest.exitOf(name), { status: 0, reason: 'exited' }, `r${region}`);
  }
  t.is((await guest.stats()).oom_kills, 0);
});

test('the kernel keeps no more of a node of regions free than it has to', async (t) => {
  const program = await ensureStaticProgram({ name: 'test-boost', sources: [BOOST] });
  const guest = await connectGuest(
    await launchGuest(t, 'nodes', [], { 'bin/test-boost': program }),
  );
  t.is((await guest.vm.resizeRegion('r0', REGION_BYTES, RESIZE)).outcome, 'done');
  await startIn(guest, 0, 'boost', {
    argv: ['/bin/test-boost'],
    env: { [PROTOCOL.ready_variable]: PROTOCOL.ready_exec },
  });
  t.like(await guest.exitOf('boost'), { status: 0, reason: 'exited' });
});

test('a program that is over at once had begun, whoever it took the place of', async (t) => {
  const program = await ensureStaticProgram({ name: 'test-pipes', sources: [PIPES] });
  const guest = await connectGuest(
    await launchGuest(t, 'nodes', [], { 'bin/test-pipes': program }),
  );
  t.is((await guest.vm.resizeRegion('r0', REGION_BYTES, RESIZE)).outcome, 'done');
  const short = {
    argv: ['/bin/test-pipes', '0'],
    env: { [PROTOCOL.ready_variable]: PROTOCOL.ready_exec },
  };
  for (let round = 0; round < 30; round += 1) {
    // As many at once have one another wait for a CPU.
    const names = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => `${name}${round}`);
    await Promise.all(names.map((name) => startIn(guest, 0, name, short)));
    for (const name of names) {
      t.like(await guest.exitOf(name), { status: 0, reason: 'exited' });
      await guest.ask({ type: 'stop', instance: name });
    }
  }
});

test('where others filled a node, the guest lives, and so does who starts there', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'hotplane-nodes-'));
  t.teardown(() => rm(dir, { recursive: true, force: true }));
  // All nodes as far from each other: the file goes to the node of r1.
  const program = await qemuWith(dir, ['-numa', 'dist,src=1,dst=2,val=20']);
  const hypervisor = new QemuDriver({ program });
  const guest = await connectGuest(await launchGuest(t, 'nodes', [], {}, hypervisor));
  // The kernel once found none but a child of the init, not to be killed yet, and panicked.
  for (let round = 0; round < 3; round += 1) {
    await leaveFile(guest);
    const names = ['a', 'b', 'c', 'd'].map((name) => `full-${round}-${name}`);
    const starts = names.map((name) => startIn(guest, 1, name));
    await Promise.race([...starts, new Promise((resolve) => setTimeout(resolve, 1_000))]);
    t.is((await guest.vm.resizeRegion('r1', REGION_BYTES, RESIZE)).outcome, 'done');
    await Promise.all(starts);
    for (const instance of names) await guest.ask({ type: 'stop', instance });
    t.is((await guest.vm.resizeRegion('r1', 0, RESIZE)).outcome, 'done');
  }
});

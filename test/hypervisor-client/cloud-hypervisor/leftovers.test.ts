/**
 * Goal: a VM of an earlier owner is ended whatever became of its server and its files. Method: the
 * fake as a process, launched and released by the driver, then put in each bad state.
 */
import test from 'ava';
import { rmSync, truncateSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { endLeftovers } from '../../../agent/adopt/leftovers.ts';
import { MIB } from '../../../base/units.ts';
import { chFiles } from '../../../hypervisor-client/cloud-hypervisor/driver/layout.ts';
import { isAlive } from '../../../base/process.ts';
import type { VmHandle } from '../../../hypervisor-client/vm.ts';
import { deviceOf } from '../../../hypervisor-client/spec.ts';
import { fakeHost } from './fake-target.ts';

const STATES: readonly (readonly [string, (run_dir: string, handle: VmHandle) => void])[] = [
  ['is well', () => {}],
  ['has lost its API socket', (run_dir) => rmSync(chFiles(run_dir).api_path)],
  ['is stopped', (_, { pid }) => void process.kill(pid, 'SIGSTOP')],
  ['has lost its backings', (run_dir) => rmSync(chFiles(run_dir).backings_path)],
  ['has lost its handle', (run_dir) => rmSync(join(run_dir, 'vm.json'))],
  ['has half a handle', (run_dir) => truncateSync(join(run_dir, 'vm.json'), 20)],
];

for (const [what, harm] of STATES) {
  test(`a leftover VM that ${what} is ended, and nothing but its console stays`, async (t) => {
    const host = await fakeHost();
    t.teardown(() => host.cleanUp());
    const driver = host.driver();
    const vms_dir = join(host.root, 'vms');
    const run_dir = join(vms_dir, 'vm1');
    const vm = await driver.launch({
      id: 'vm1',
      run_dir,
      ...(await host.image()),
      vcpus: 1,
      boot_bytes: 256 * MIB,
      devices: [deviceOf({ id: 'r0', max_bytes: 128 * MIB, initial_bytes: 0 })],
      backing: 'anonymous',
      accelerator: 'auto',
    });
    const { handle } = vm;
    const identity = { pid: handle.pid, start_ticks: handle.pid_start_ticks };
    await vm.release();
    t.true(await isAlive(identity));
    harm(run_dir, handle);
    const log = pino({ level: 'silent' });
    const { ended, remaining } = await endLeftovers({ vms_dir, drivers: [driver], log });
    t.deepEqual([ended, remaining], [['vm1'], []]);
    t.false(await isAlive(identity));
    const left = await readdir(run_dir);
    t.deepEqual(
      left.filter((name) => name.includes('.sock') || name === 'vm.json'),
      [],
    );
  });
}

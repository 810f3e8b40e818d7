/** How the end of a VM is told, with a process and a QMP server that end as the test wants. */
import test from 'ava';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hostClock } from '../../../base/clock.ts';
import { MIB } from '../../../base/units.ts';
import { readStartTicks } from '../../../base/process.ts';
import { QmpClient } from '../../../hypervisor-client/qemu/qmp.ts';
import { QemuVm } from '../../../hypervisor-client/qemu/vm.ts';

const GREETING = '{"QMP":{"version":{"qemu":{"major":7}},"capabilities":[]}}\r\n';

/** Negotiates, then closes the connection at the first command, with no event and no answer. */
async function endingServer(path: string): Promise<void> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.write(GREETING);
    socket.on('data', (chunk) => {
      const { execute, id }: { execute: string; id: number } = JSON.parse(
        chunk.toString().split('\n')[0] ?? '',
      );
      if (execute === 'qmp_capabilities') socket.write(`{"return":{},"id":${id}}\r\n`);
      else socket.destroy();
    });
  });
  server.listen(path).unref();
  await once(server, 'listening');
}

const CONSOLES: readonly (readonly [string, 'panicked' | 'stopped'])[] = [
  ['[    1.0] Kernel panic - not syncing: Fatal exception\r\n', 'panicked'],
  ['[    1.0] reboot: Power down\r\n', 'stopped'],
];

for (const [said, state] of CONSOLES) {
  test(`a VM whose connection ends before its process is told as ${state}`, async (t) => {
    const run_dir = await mkdtemp(join(tmpdir(), 'hotplane-vm-'));
    t.teardown(async () => await rm(run_dir, { recursive: true, force: true }));
    await endingServer(join(run_dir, 'qmp.sock'));
    await writeFile(join(run_dir, 'console.log'), said);
    const ending = spawn('sleep', ['0.5'], { stdio: 'ignore' });
    const pid = ending.pid ?? 0;
    const pid_start_ticks = (await readStartTicks(pid)) ?? 0;
    const spec = {
      id: 'ending',
      run_dir,
      kernel_path: '/kernel',
      initrd_path: '/initrd',
      kernel_arguments: [],
      vcpus: 1,
      boot_bytes: 128 * MIB,
      devices: [],
      backing: 'anonymous' as const,
      accelerator: 'auto' as const,
    };
    const vm = new QemuVm({
      handle: { schema_version: 2, vmm: 'qemu', pid, pid_start_ticks, spec },
      accelerator: 'tcg',
      qmp: await QmpClient.connect(join(run_dir, 'qmp.sock')),
      backings: [],
      exited: null,
      clock: hostClock,
      readHugePages: () => ({ total: 0, free: 0 }),
    });
    t.is((await vm.observe()).state, state);
    t.is((await vm.observe()).state, state);
  });
}

/**
 * The driver against the real server, with a guest that need not come far: CLOUD_HYPERVISOR_KERNEL
 * names a bzImage or vmlinux, /dev/kvm must open. The full suite is in cloud-hypervisor.vm.test.ts.
 */
import test from 'ava';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { hostClock } from '../../../base/clock.ts';
import { isHotplaneError } from '../../../base/errors.ts';
import { waitFor } from '../../../base/wait.ts';
import { CloudHypervisorDriver } from '../../../hypervisor-client/cloud-hypervisor/index.ts';
import { isAlive } from '../../../base/process.ts';
import { hasCode } from '../../../hypervisor-client/errors.ts';
import { readHugePages } from '../../../hypervisor-client/host/huge-pages.ts';
import type { VmSpec } from '../../../hypervisor-client/vm.ts';
import { deviceOf } from '../../../hypervisor-client/spec.ts';
import { BINARY, MISSING } from './binary.ts';

const KERNEL = process.env['CLOUD_HYPERVISOR_KERNEL'] ?? '';
const MIB = 1024 * 1024;
const ready = BINARY !== '' && KERNEL !== '';
const check = ready ? test.serial : test.skip;
if (!ready) console.log(BINARY === '' ? MISSING : 'skipped: no CLOUD_HYPERVISOR_KERNEL=/path');

/** Landlock with the right to truncate (Linux 6.2), which the server asks for. */
async function hasLandlock(): Promise<boolean> {
  const [major = 0, minor = 0] = release().split('.').map(Number);
  if (major < 6 || (major === 6 && minor < 2)) return false;
  const modules = await readFile('/sys/kernel/security/lsm', 'utf8').catch(() => 'landlock');
  return modules.includes('landlock');
}

async function specIn(root: string, changes: Partial<VmSpec> = {}): Promise<VmSpec> {
  const initrd_path = join(root, 'initrd');
  await writeFile(initrd_path, Buffer.alloc(4096));
  return {
    id: 'real',
    run_dir: join(root, 'run'),
    kernel_path: KERNEL,
    initrd_path,
    kernel_arguments: [],
    vcpus: 1,
    boot_bytes: 256 * MIB,
    devices: ['r0', 'r1'].map((id) => deviceOf({ id, max_bytes: 256 * MIB, initial_bytes: 0 })),
    backing: 'anonymous',
    accelerator: 'kvm',
    ...changes,
  };
}

check('real: memory in huge pages is had where the host has a pool, else told', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'hotplane-real-'));
  t.teardown(async () => await rm(root, { recursive: true, force: true }));
  const driver = new CloudHypervisorDriver({ command: [BINARY], onWarning: () => undefined });
  const spec = await specIn(root, { backing: 'huge' });
  const { free } = readHugePages();
  t.log(`${free} free pages of 2 MiB`);
  if (free < 2) {
    const error = await t.throwsAsync(driver.launch(spec));
    t.true(hasCode(error, 'HP_VMM_NO_HUGE_PAGES'), String(error));
    return;
  }
  const vm = await driver.launch(spec);
  t.teardown(async () => await vm.shutdown());
  const { state, regions } = await vm.observe();
  t.is(state, 'running');
  t.deepEqual(
    regions.map(({ resident_bytes }) => resident_bytes),
    [0, 0],
  );
});

for (const backing of ['anonymous', 'memfd'] as const) {
  check(`real: launch, observe, adopt and shut down with ${backing} memory`, async (t) => {
    const root = await mkdtemp(join(tmpdir(), 'hotplane-real-'));
    t.teardown(async () => await rm(root, { recursive: true, force: true }));
    const warnings: string[] = [];
    const onWarning = (text: string) => void warnings.push(text);
    const driver = new CloudHypervisorDriver({ command: [BINARY], onWarning });
    const spec = await specIn(root, { backing });
    const first = await driver.launch(spec);
    t.teardown(async () => await first.shutdown().catch(() => undefined));
    const { state, regions, resident_bytes } = await first.observe();
    t.is(state, 'running');
    t.true(resident_bytes > 0);
    t.deepEqual(
      regions.map(({ id, plugged_bytes, resident_bytes: held }) => [id, plugged_bytes, held]),
      [
        ['r0', 0, 0],
        ['r1', 0, 0],
      ],
    );
    t.is(new Set(regions.map(({ pci_address }) => pci_address)).size, 2);
    await first.release();
    const vm = await driver.adopt(first.handle);
    t.deepEqual((await vm.observe()).regions, regions);
    const events = Array.fromAsync(vm.events());
    await vm.shutdown();
    t.is((await events).at(-1)?.type, 'exited');
    const { pid, pid_start_ticks } = vm.handle;
    t.false(await isAlive({ pid, start_ticks: pid_start_ticks }));
    const left = (await readdir(spec.run_dir)).filter((name) => /sock|json$/.test(name));
    t.deepEqual(left, ['events.json']);
    const confined = warnings.length === 0;
    t.log(confined ? 'confined by Landlock' : warnings.join('\n'));
    t.true(confined || !(await hasLandlock()), 'nothing works less well than asked for');
    t.true(warnings.every((text) => text.includes('without Landlock')));
  });
}

check('real: a target is set, taken back, and a repeat of it is no error', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'hotplane-real-'));
  t.teardown(async () => await rm(root, { recursive: true, force: true }));
  const vm = await new CloudHypervisorDriver({ command: [BINARY] }).launch(await specIn(root));
  t.teardown(async () => await vm.shutdown());
  for (let round = 0; round < 2; round += 1) {
    const result = await vm.resizeRegion('r0', 128 * MIB, { deadline_ms: 100 });
    t.true(['refused', 'done', 'partial'].includes(result.outcome), result.reason ?? '');
    const { regions } = await vm.observe();
    t.true((regions[0]?.requested_bytes ?? 0) <= 128 * MIB);
    t.true((regions[0]?.plugged_bytes ?? 0) <= 128 * MIB);
  }
});

check('real: a kill is seen by an owner that adopted the VM', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'hotplane-real-'));
  t.teardown(async () => await rm(root, { recursive: true, force: true }));
  const driver = new CloudHypervisorDriver({ command: [BINARY] });
  const first = await driver.launch(await specIn(root));
  await first.release();
  const vm = await driver.adopt(first.handle);
  const events = Array.fromAsync(vm.events());
  process.kill(vm.handle.pid, 'SIGKILL');
  t.is((await events).at(-1)?.type, 'exited');
  const stopped = async () => ((await vm.observe()).state === 'stopped' ? true : null);
  t.true(await waitFor(stopped, { clock: hostClock, deadline_ms: 5_000 }));
  await vm.shutdown();
});

check('real: a kernel that is none is a failed start, and nothing is left', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'hotplane-real-'));
  t.teardown(async () => await rm(root, { recursive: true, force: true }));
  const kernel_path = join(root, 'kernel');
  await writeFile(kernel_path, 'this is no kernel\n'.repeat(1_000));
  const driver = new CloudHypervisorDriver({ command: [BINARY] });
  const error = await t.throwsAsync(driver.launch(await specIn(root, { kernel_path })));
  t.true(isHotplaneError(error) && error.code === 'HP_VMM_START_FAILED', String(error));
  t.log(error?.message);
});

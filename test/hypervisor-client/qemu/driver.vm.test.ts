/**
 * What only QEMU must show: with real QEMU processes, most of them without a guest worth the name.
 */
import test from 'ava';
import { execa } from 'execa';
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hostClock } from '../../../base/clock.ts';
import { isHotplaneError } from '../../../base/errors.ts';
import { PROJECT_ROOT } from '../../../base/paths.ts';
import { MIB } from '../../../base/units.ts';
import { waitFor } from '../../../base/wait.ts';
import { hasCode } from '../../../hypervisor-client/errors.ts';
import { openHypervisor } from '../../../hypervisor-client/open.ts';
import { tapTroubles, whyTapsAreOurs } from '../../../hypervisor-client/host/tap.ts';
import { readHugePages } from '../../../hypervisor-client/host/huge-pages.ts';
import { endProcess, isAlive } from '../../../base/process.ts';
import { QemuDriver } from '../../../hypervisor-client/qemu/driver.ts';
import { qemuSlackBytes } from '../../../hypervisor-client/qemu/slack.ts';
import { DEVICES_MAX, qemuFiles } from '../../../hypervisor-client/qemu/layout.ts';
import { QmpClient } from '../../../hypervisor-client/qemu/qmp.ts';
import { parseHandle, readHandle } from '../../../hypervisor-client/lifecycle/run-dir.ts';
import type { Vm, VmSpec } from '../../../hypervisor-client/vm.ts';
import { deviceOf } from '../../../hypervisor-client/spec.ts';
import { conformanceImage } from '../conformance/guest-image.ts';
import { takeGuest } from '../../../hypervisor-client/testing/conformance/guest/hand.ts';
import { until } from '../../../hypervisor-client/testing/conformance/vms.ts';

const driver = new QemuDriver();
const root = await mkdtemp(join(tmpdir(), 'hotplane-qemu-'));
const vms: Vm[] = [];
let count = 0;

async function specOf(changes: Partial<VmSpec> = {}): Promise<VmSpec> {
  count += 1;
  return {
    id: `vm-${count}`,
    run_dir: join(root, `${count}`),
    ...(await conformanceImage()),
    vcpus: 1,
    boot_bytes: 256 * MIB,
    devices: [deviceAt(0)],
    backing: 'anonymous',
    accelerator: 'auto',
    ...changes,
  };
}

const regionOf = (index: number, initial_bytes = 0) => ({
  id: `r${index}`,
  max_bytes: 128 * MIB,
  initial_bytes,
});

const deviceAt = (index: number, guest_node: number | null = null) =>
  deviceOf(regionOf(index), guest_node);

async function launch(spec: VmSpec): Promise<Vm> {
  const vm = await driver.launch(spec);
  vms.push(vm);
  return vm;
}

test.after.always(async () => {
  for (const { handle } of vms) {
    const identity = { pid: handle.pid, start_ticks: handle.pid_start_ticks };
    await endProcess(identity, hostClock, 5_000);
  }
  await rm(root, { recursive: true, force: true });
});

test.serial('auto finds a hypervisor that runs guests here', async (t) => {
  const hypervisor = await openHypervisor('auto');
  const { version, devices_per_vm } = await hypervisor.probe();
  t.regex(version, /^\d+\.\d+/);
  t.true(devices_per_vm >= 24);
});

test.serial('a QEMU that is not installed is told with the package to install', async (t) => {
  const absent = new QemuDriver({ program: 'no-such-qemu' });
  for (const call of [absent.probe(), absent.launch(await specOf())]) {
    const error = await t.throwsAsync(call);
    t.true(hasCode(error, 'HP_VMM_MISSING'), String(error));
    t.regex(isHotplaneError(error) ? error.next : '', /apt-get install qemu-system-x86/);
  }
});

test.serial('a QEMU that dies at the start is told with its last words', async (t) => {
  const program = join(root, 'dying-qemu');
  await writeFile(program, '#!/bin/sh\necho "cannot do that, Dave" >&2\nexit 3\n', { mode: 0o755 });
  const error = await t.throwsAsync(new QemuDriver({ program }).launch(await specOf()));
  t.true(hasCode(error, 'HP_VMM_START_FAILED'));
  t.regex(error?.message ?? '', /code 3: cannot do that, Dave/);
});

test.serial('as many devices as the limit says fit on the bus', async (t) => {
  const devices = Array.from({ length: DEVICES_MAX }, (_, index) => deviceAt(index));
  const vm = await launch(await specOf({ devices }));
  const observed = await vm.observe();
  t.is(observed.regions.length, DEVICES_MAX);
  t.true(observed.regions.every((region) => region.resident_bytes === 0));
  await vm.shutdown();
});

test.serial('a VM outlives its owner, and is found again by its handle', async (t) => {
  const spec = await specOf();
  const module = join(PROJECT_ROOT, 'hypervisor-client/index.ts');
  const script = `
    const { QemuDriver } = await import(${JSON.stringify(module)});
    const vm = await new QemuDriver().launch(${JSON.stringify(spec)});
    console.log(JSON.stringify(vm.handle));
    process.kill(process.pid, 'SIGKILL');`;
  const node = ['--input-type=module', '-e', script];
  const { stdout } = await execa(process.execPath, node, { reject: false, timeout: 60_000 });
  const handle = parseHandle(stdout);
  if (!handle) throw new Error(`no handle: ${stdout}`);
  t.deepEqual(await readHandle(spec.run_dir), handle);
  t.true(await isAlive({ pid: handle.pid, start_ticks: handle.pid_start_ticks }));
  const vm = await driver.adopt(handle);
  vms.push(vm);
  t.is((await vm.observe()).state, 'running');
  await vm.shutdown();
  t.false(await isAlive({ pid: handle.pid, start_ticks: handle.pid_start_ticks }));
});

test.serial('a second owner is told, and the first one keeps the VM', async (t) => {
  const vm = await launch(await specOf());
  const { qmp_path } = qemuFiles(vm.handle.spec.run_dir);
  const error = await t.throwsAsync(QmpClient.connect(qmp_path, { deadline_ms: 100 }));
  t.true(hasCode(error, 'HP_QMP_CONNECT'));
  t.is((await vm.observe()).state, 'running');
  await vm.shutdown();
});

test.serial('a start that is aborted leaves nothing', async (t) => {
  const spec = await specOf();
  const error = await t.throwsAsync(driver.launch(spec, { signal: AbortSignal.abort() }));
  t.true(hasCode(error, 'HP_VMM_ABORTED'), String(error));
  t.is(await readHandle(spec.run_dir), null);
});

test.serial(
  'memory of a region with a guest node comes to that node, in 4 KiB pages too',
  async (t) => {
    const devices = [deviceAt(0, 1), deviceAt(1, 2)];
    const vm = await launch(await specOf({ devices, backing: 'memfd' }));
    const guest = await takeGuest(vm);
    const before_bytes = [await guest.nodeBytes(1), await guest.nodeBytes(2)];
    const plug = await vm.resizeRegion('r1', 128 * MIB, { deadline_ms: 60_000 });
    t.is(plug.outcome, 'done', plug.reason ?? '');
    // The VMM's word comes first: the guest puts the block online only after it.
    const [one_bytes = 0, two_bytes = 0] = before_bytes;
    await until('node 2 has the memory', 30_000, async () => {
      return (await guest.nodeBytes(2)) === two_bytes + 128 * MIB;
    });
    t.is(await guest.nodeBytes(1), one_bytes);
    await guest.hold(200 * MIB);
    const { regions: held } = await vm.observe();
    t.true((held[1]?.resident_bytes ?? 0) > 32 * MIB, 'pages of a memfd are counted');
    await guest.free();
    const unplug = await vm.resizeRegion('r1', 0, { deadline_ms: 60_000 });
    t.is(unplug.outcome, 'done', unplug.reason ?? '');
    t.is(unplug.resident_bytes, 0);
    await vm.shutdown();
  },
);

const as_root = process.getuid?.() === 0 ? test.serial : test.serial.skip;

as_root(
  'each VM has a user of its own, and serves as any other, after a restart too',
  async (t) => {
    // Users who may not come into a folder of root's have the image in one of their own.
    await chmod(root, 0o711);
    const image = await conformanceImage();
    const paths = { kernel_path: join(root, 'kernel'), initrd_path: join(root, 'initrd') };
    await copyFile(image.kernel_path, paths.kernel_path);
    await copyFile(image.initrd_path, paths.initrd_path);
    for (const path of Object.values(paths)) await chmod(path, 0o644);
    const uids = { first: 395_000, count: 10 };
    const tap = `hpd${process.pid.toString(36)}`;
    const nic = { tap, mac: '02:68:00:00:00:01', mtu_bytes: 1_500 };
    const has_taps = (await tapTroubles()).length === 0 && (await whyTapsAreOurs()) === null;
    // It stays down, so that nothing goes through it.
    const makeTap = async (uid: number): Promise<void> => {
      await execa('ip', ['tuntap', 'add', 'dev', tap, 'mode', 'tap', 'user', `${uid}`]);
      t.teardown(async () => void (await execa('ip', ['link', 'delete', tap])));
    };
    const spec = await specOf(has_taps ? { ...paths, nic } : paths);
    const launched = await new QemuDriver({ uids }).launch(spec, has_taps ? { makeTap } : {});
    vms.push(launched);
    const { handle } = launched;
    const { run_dir } = handle.spec;
    const { uid = 0 } = handle;
    t.is((await stat(`/proc/${handle.pid}`)).uid, uid);
    t.true(uid >= 395_000 && uid < 395_010);
    const { qmp_path, console_path } = qemuFiles(run_dir);
    t.is((await stat(qmp_path)).uid, uid);
    t.like(await stat(console_path), { uid: 0, gid: uid });
    await launched.release();
    // An agent that gives no users any more knows it still.
    const vm = await driver.adopt(handle);
    vms.push(vm);
    const guest = await takeGuest(vm);
    const plug = await vm.resizeRegion('r0', 128 * MIB, { deadline_ms: 60_000 });
    t.is(plug.outcome, 'done', plug.reason ?? '');
    await guest.hold(64 * MIB);
    const [region] = (await vm.observe()).regions;
    t.true((region?.resident_bytes ?? 0) > 32 * MIB, 'we see what it holds of the host');
    await guest.free();
    const unplug = await vm.resizeRegion('r0', 0, { deadline_ms: 60_000 });
    t.is(unplug.outcome, 'done', unplug.reason ?? '');
    t.regex(await readFile(console_path, 'utf8'), /Linux version/);
    await vm.shutdown();
    t.is((await stat(run_dir)).mode & 0o777, 0o700, 'its user has no way in any more');
  },
);

test.serial('the limit of the host follows what is plugged', async (t) => {
  const cgroup_root = join(root, 'cgroup');
  await mkdir(cgroup_root);
  const spec = await specOf({ devices: [deviceAt(0), deviceAt(1)] });
  const vm = await new QemuDriver({ cgroup_root }).launch(spec);
  vms.push(vm);
  const group = join(cgroup_root, `hotplane-${spec.id}`);
  t.is(await readFile(join(group, 'cgroup.procs'), 'utf8'), `${vm.handle.pid}`);
  const limit = async (): Promise<number> =>
    Number(await readFile(join(group, 'memory.max'), 'utf8'));
  const boot_bytes = 256 * MIB + qemuSlackBytes(spec, vm.accelerator);
  t.is(await limit(), boot_bytes);
  // Nobody is in the guest yet: the target stands, and may be reached at any time.
  const plug = vm.resizeRegion('r0', 128 * MIB, { deadline_ms: 1_000 });
  const raised = async () => ((await limit()) === boot_bytes + 128 * MIB ? true : null);
  t.true(await waitFor(raised, { clock: hostClock, deadline_ms: 30_000 }));
  await plug;
  t.is(await limit(), boot_bytes + 128 * MIB);
  await vm.shutdown();
});

test.serial('memory in huge pages is had where the host has a pool, else told', async (t) => {
  const pages = 64;
  const spec = await specOf({ devices: [deviceAt(0), deviceAt(1)], backing: 'huge' });
  const { free } = readHugePages();
  t.log(`${free} free pages of 2 MiB`);
  if (free < pages) {
    const error = await t.throwsAsync(
      new QemuDriver({ readHugePages: () => ({ total: 0, free: 0 }) }).launch(spec),
    );
    t.true(hasCode(error, 'HP_VMM_NO_HUGE_PAGES'), String(error));
    return;
  }
  const vm = await launch(spec);
  await takeGuest(vm);
  const before = await vm.observe();
  const plug = await vm.resizeRegion('r0', pages * 2 * MIB, { deadline_ms: 60_000 });
  t.is(plug.outcome, 'done', plug.reason ?? '');
  t.is(readHugePages().free, free - pages, 'each page comes from the pool');
  const after = await vm.observe();
  t.is(after.regions[0]?.resident_bytes, pages * 2 * MIB, 'they are taken at the plug');
  const grown_bytes = after.resident_bytes - before.resident_bytes;
  t.true(grown_bytes >= pages * 2 * MIB, `${grown_bytes} bytes`);
  if (free < 2 * pages) {
    const more = await vm.resizeRegion('r1', pages * 2 * MIB, { deadline_ms: 60_000 });
    t.like(more, { outcome: 'refused', error_code: 'HP_VMM_NO_HUGE_PAGES' });
  }
  const unplug = await vm.resizeRegion('r0', 0, { deadline_ms: 60_000 });
  t.is(unplug.outcome, 'done', unplug.reason ?? '');
  t.is(readHugePages().free, free, 'and go back to it');
  await vm.shutdown();
});

test.serial('an emulated guest has no CPU flag that makes it zero memory by bytes', async (t) => {
  const vm = await launch(await specOf({ accelerator: 'tcg' }));
  const guest = await takeGuest(vm);
  t.true(await guest.hasCpuFlag('nx'), 'flags are read');
  for (const flag of ['erms', 'fsrm']) t.false(await guest.hasCpuFlag(flag), flag);
  await vm.shutdown();
});

test.serial('a region can be plugged from boot on', async (t) => {
  const devices = [deviceOf(regionOf(0, 128 * MIB))];
  const vm = await launch(await specOf({ devices }));
  await takeGuest(vm);
  const result = await vm.resizeRegion('r0', 128 * MIB, { deadline_ms: 60_000 });
  t.is(result.outcome, 'done', result.reason ?? '');
  await vm.shutdown();
});

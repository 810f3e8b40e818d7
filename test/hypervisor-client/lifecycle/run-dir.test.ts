import test from 'ava';
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import { hasCode } from '../../../hypervisor-client/errors.ts';
import { readStartTicks } from '../../../base/process.ts';
import {
  claimRunDir,
  cleanRunDir,
  parseHandle,
  readHandle,
  writeHandle,
} from '../../../hypervisor-client/lifecycle/run-dir.ts';
import type { VmHandle } from '../../../hypervisor-client/vm.ts';
import { deviceOf } from '../../../hypervisor-client/spec.ts';

const root = await mkdtemp(join(tmpdir(), 'hotplane-run-dir-'));
test.after.always(async () => await rm(root, { recursive: true, force: true }));

const handleIn = (run_dir: string, pid: number, pid_start_ticks: number): VmHandle => ({
  schema_version: 2,
  vmm: 'qemu',
  pid,
  pid_start_ticks,
  spec: {
    id: 'vm',
    run_dir,
    kernel_path: '/kernel',
    initrd_path: '/initrd',
    kernel_arguments: ['panic=-1'],
    vcpus: 1,
    boot_bytes: 2 ** 28,
    devices: [deviceOf({ id: 'r0', max_bytes: 2 ** 27, initial_bytes: 0 })],
    backing: 'anonymous',
    accelerator: 'auto',
  },
});

test('a run folder is made for its owner alone', async (t) => {
  const run_dir = join(root, 'a', 'b');
  await claimRunDir(run_dir, []);
  t.is((await stat(run_dir)).mode & 0o777, 0o700);
});

test('a handle is read back as it was written', async (t) => {
  const run_dir = join(root, 'handle');
  await claimRunDir(run_dir, []);
  t.is(await readHandle(run_dir), null);
  const { spec, ...parts } = handleIn(run_dir, 1, 2);
  const devices = spec.devices.map((device) => ({ ...device, host_node: 1 }));
  const handle = { ...parts, spec: { ...spec, devices, populate: true } };
  await writeHandle(handle);
  t.deepEqual(await readHandle(run_dir), handle);
});

test('a handle of version 1, with a device for each region, is of the same VM', (t) => {
  const { spec, ...handle } = handleIn('/run/vm', 1, 2);
  const { devices: _, ...vm } = spec;
  const region = { max_bytes: 2 ** 27, initial_bytes: 0 };
  const regions = [
    { ...region, id: 'r0', guest_node: null },
    { ...region, id: 'r1', guest_node: 2 },
  ];
  const text = JSON.stringify({ ...handle, schema_version: 1, spec: { ...vm, regions } });
  const devices = [
    { id: 'r0', guest_node: null, regions: [{ ...region, id: 'r0' }] },
    { id: 'r1', guest_node: 2, regions: [{ ...region, id: 'r1' }] },
  ];
  t.deepEqual(parseHandle(text), { ...handle, spec: { ...spec, devices } });
});

test('a text that is no handle is none', (t) => {
  for (const text of ['', '{}', 'null', '[1]', '{"schema_version":3}'])
    t.is(parseHandle(text), null);
});

test('a folder with a living VM is taken', async (t) => {
  const run_dir = join(root, 'living');
  await claimRunDir(run_dir, []);
  const ticks = (await readStartTicks(process.pid)) ?? 0;
  await writeHandle(handleIn(run_dir, process.pid, ticks));
  t.true(hasCode(await t.throwsAsync(claimRunDir(run_dir, [])), 'HP_VMM_RUN_DIR_TAKEN'));
});

test('a folder with a socket that answers is taken, one that is stale is cleaned', async (t) => {
  const run_dir = join(root, 'socket');
  await claimRunDir(run_dir, []);
  const path = join(run_dir, 'qmp.sock');
  const server = createServer((socket) => socket.destroy()).listen(path);
  await once(server, 'listening');
  t.true(hasCode(await t.throwsAsync(claimRunDir(run_dir, [path])), 'HP_VMM_RUN_DIR_TAKEN'));
  server.close();
  await writeFile(path, 'what a VMM that was killed leaves');
  await writeHandle(handleIn(run_dir, process.pid, 1));
  await writeFile(join(run_dir, 'console.log'), 'kept');
  await claimRunDir(run_dir, [path]);
  t.deepEqual(await readdir(run_dir), ['console.log']);
  await cleanRunDir(run_dir, [path]);
});

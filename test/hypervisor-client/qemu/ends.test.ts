/**
 * Goal: a QEMU that ends in the middle of a call is told as that, and as nothing else.
 * Method: a process that ends when its QMP server says so; it closes its connection first, and its
 * memory goes before it does, as the kernel has it.
 */
import test, { type ExecutionContext } from 'ava';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hostClock } from '../../../base/clock.ts';
import { readStartTicks } from '../../../base/process.ts';
import { LIMITS } from '../../../base/limits.ts';
import { KIB, MIB } from '../../../base/units.ts';
import { waitFor } from '../../../base/wait.ts';
import { hasCode } from '../../../hypervisor-client/errors.ts';
import { QemuDriver } from '../../../hypervisor-client/qemu/driver.ts';
import { QmpClient } from '../../../hypervisor-client/qemu/qmp.ts';
import { QemuVm } from '../../../hypervisor-client/qemu/vm.ts';
import { leastVm } from '../lifecycle/vm-spec.ts';
import { endingQemu } from './ending-qemu.ts';

const GREETING = '{"QMP":{"version":{"qemu":{"major":7}},"capabilities":[]}}\r\n';
/** So much that the kernel takes its time to take it back. */
const MUCH = 'const much = Buffer.alloc(256 * 2 ** 20, 1); setTimeout(() => much, 60_000);';
const LONG = { clock: hostClock, deadline_ms: 30_000 };

interface Command {
  readonly execute: string;
  readonly id: number;
}

async function folderOf(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'hotplane-ends-'));
  t.teardown(async () => await rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Greets, negotiates and hands over what else is asked. */
async function serve(path: string, onCommand: (socket: Socket, command: Command) => void) {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.write(GREETING);
    socket.on('data', (chunk) => {
      for (const line of chunk.toString().trim().split('\n')) {
        const command: Command = JSON.parse(line);
        if (command.execute !== 'qmp_capabilities') onCommand(socket, command);
        else socket.write(`{"return":{},"id":${command.id}}\r\n`);
      }
    });
  });
  server.listen(path).unref();
  await once(server, 'listening');
}

async function vmOf(run_dir: string, { pid = 0 }: ChildProcess): Promise<QemuVm> {
  const pid_start_ticks = (await readStartTicks(pid)) ?? 0;
  const spec = leastVm(run_dir);
  return new QemuVm({
    handle: { schema_version: 2, vmm: 'qemu', pid, pid_start_ticks, spec },
    accelerator: 'tcg',
    qmp: await QmpClient.connect(join(run_dir, 'qmp.sock')),
    backings: [],
    exited: null,
    clock: hostClock,
    readHugePages: () => ({ total: 0, free: 0 }),
  });
}

const residentPages = (pid: number): number =>
  Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]);

const CONSOLES: readonly (readonly [string, 'panicked' | 'stopped'])[] = [
  ['[    1.0] Kernel panic - not syncing: Fatal exception\r\n', 'panicked'],
  ['[    1.0] reboot: Power down\r\n', 'stopped'],
];

for (const [said, state] of CONSOLES) {
  test(`a VM whose connection ends before its process is told as ${state}`, async (t) => {
    const run_dir = await folderOf(t);
    // At the first command, with no event and no answer.
    await serve(join(run_dir, 'qmp.sock'), (socket) => socket.destroy());
    await writeFile(join(run_dir, 'console.log'), said);
    const vm = await vmOf(run_dir, spawn('sleep', ['0.5'], { stdio: 'ignore' }));
    t.is((await vm.observe()).state, state);
    t.is((await vm.observe()).state, state);
  });
}

test('a VM whose memory goes before its process is told as stopped', async (t) => {
  const run_dir = await folderOf(t);
  const child = spawn(process.execPath, ['-e', MUCH], { stdio: 'ignore' });
  const { pid = 0 } = child;
  t.teardown(() => child.kill('SIGKILL'));
  await waitFor(() => (residentPages(pid) * 4 * KIB > 256 * MIB ? true : null), LONG);
  await serve(join(run_dir, 'qmp.sock'), (socket, { execute, id }) => {
    child.once('exit', () => socket.destroy());
    const value = execute === 'query-status' ? '{"status":"running"}' : '[]';
    if (execute === 'query-status') {
      // Who asked reads the answer late.
      child.kill('SIGKILL');
      while (residentPages(pid) > 0);
    }
    socket.write(`{"return":${value},"id":${id}}\r\n`);
  });
  const vm = await vmOf(run_dir, child);
  t.teardown(async () => await vm.release());
  t.is((await vm.observe()).state, 'stopped');
});

/** From the end of its connections to that of its process. */
const LATE_MS = 300;

test('a QEMU that ends while it is taken up is told as gone', async (t) => {
  const folder = await folderOf(t);
  const program = await endingQemu(folder, LATE_MS);
  const run_dir = join(folder, 'run');
  await mkdir(run_dir);
  const child = spawn(program, ['-qmp', `unix:${join(run_dir, 'qmp.sock')},server=on`]);
  t.teardown(() => child.kill('SIGKILL'));
  const { pid = 0 } = child;
  await waitFor(() => (existsSync(join(run_dir, 'qmp.sock')) ? true : null), LONG);
  const pid_start_ticks = (await readStartTicks(pid)) ?? 0;
  const spec = leastVm(run_dir);
  const handle = { schema_version: 2, vmm: 'qemu', pid, pid_start_ticks, spec } as const;
  const error = await t.throwsAsync(new QemuDriver({ program }).adopt(handle));
  t.true(hasCode(error, 'HP_VMM_GONE'), String(error));
});

test('a QEMU that ends right after its start is told as one that did not start', async (t) => {
  const folder = await folderOf(t);
  const program = await endingQemu(folder, LATE_MS);
  const image = { kernel_path: join(folder, 'kernel'), initrd_path: join(folder, 'initrd') };
  for (const path of Object.values(image)) await writeFile(path, '');
  const spec = { ...leastVm(join(folder, 'run')), ...image, boot_bytes: 256 * MIB } as const;
  const tcg = { ...spec, accelerator: 'tcg' } as const;
  const error = await t.throwsAsync(new QemuDriver({ program }).launch(tcg));
  t.true(hasCode(error, 'HP_VMM_START_FAILED'), String(error));
  t.regex(String(error), /SIGKILL/);
});

test('who asks while a VM is released is told so, and waits for no end of it', async (t) => {
  const run_dir = await folderOf(t);
  const child = spawn('sleep', ['60'], { stdio: 'ignore' });
  t.teardown(() => child.kill('SIGKILL'));
  const asked = Promise.withResolvers<void>();
  await serve(join(run_dir, 'qmp.sock'), () => asked.resolve());
  const vm = await vmOf(run_dir, child);
  const told = t.throwsAsync(vm.observe());
  await asked.promise;
  const begun_ms = hostClock.nowMs();
  await vm.release();
  const error = await told;
  t.true(hasCode(error, 'HP_VMM_RELEASED'), String(error));
  t.true(hostClock.nowMs() - begun_ms < LIMITS.vm_shutdown_ms);
});

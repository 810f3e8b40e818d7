/** `hotplane agent` as a process: how it ends, and what it leaves, with real VMs. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { AgentClient } from '../../agent/api/client.ts';
import { hostClock } from '../../base/clock.ts';
import { PROJECT_ROOT } from '../../base/paths.ts';
import { waitFor } from '../../base/wait.ts';
import { isAlive } from '../../base/process.ts';
import { readHandle } from '../../hypervisor-client/lifecycle/run-dir.ts';
import { specOf } from './core/world.ts';

const DEADLINE_MS = 180_000;

interface Daemon {
  readonly child: ChildProcess;
  /** What it wrote to stderr so far. */
  readonly log: () => string;
}

/** An agent that a failed test left would keep its VMs, and the process of the tests, alive. */
const started: ChildProcess[] = [];
test.afterEach.always(async () => {
  for (const child of started.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGTERM');
    await once(child, 'exit');
  }
});

async function start(folder: string, program: string[]): Promise<Daemon> {
  const [file = '', ...first] = program;
  const child = spawn(
    file,
    [
      ...first,
      'agent',
      '--vmm=qemu',
      '--mechanisms=virtio-mem',
      `--socket=${join(folder, 'a.sock')}`,
      `--state-dir=${join(folder, 'state')}`,
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  started.push(child);
  let out = '';
  let log = '';
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()));
  // What it said last may come after its exit.
  let is_over = false;
  child.once('close', () => (is_over = true));
  const served = await waitFor(() => (out.includes('serving on') || is_over ? true : null), {
    clock: hostClock,
    deadline_ms: DEADLINE_MS,
    longest_pause_ms: 50,
  });
  if (!served || is_over) throw new Error(`the agent did not serve: ${log}`);
  return { child, log: () => log };
}

const MAIN = [process.execPath, join(PROJECT_ROOT, 'cli', 'main.ts')];
const LAUNCHER = [process.execPath, join(PROJECT_ROOT, 'bin', 'hotplane.js')];

async function deployed(folder: string): Promise<{ pid: number; start_ticks: number }> {
  const client = new AgentClient(join(folder, 'a.sock'));
  const { vm_id } = await client.deploy(specOf('f'));
  client.close();
  const handle = await readHandle(join(folder, 'state', 'vms', vm_id));
  return { pid: handle?.pid ?? 0, start_ticks: handle?.pid_start_ticks ?? 0 };
}

for (const [signal, code] of [
  ['SIGTERM', 0],
  ['SIGINT', 130],
] as const) {
  test.serial(
    `${signal} through the launcher: VMs end, the socket goes, exit ${code}`,
    async (t) => {
      const folder = await mkdtemp(join(tmpdir(), 'hp-daemon-'));
      const { child } = await start(folder, LAUNCHER);
      const vmm = await deployed(folder);
      t.true(await isAlive(vmm));
      child.kill(signal);
      const [exit_code] = await once(child, 'exit');
      t.is(exit_code, code);
      t.false(await isAlive(vmm));
      t.false(existsSync(join(folder, 'a.sock')));
      await rm(folder, { recursive: true });
    },
  );
}

/** A Node that cannot run the sources itself, where the system has one. */
function olderNode(): string | null {
  const path = '/usr/bin/node';
  if (!existsSync(path)) return null;
  const version = execFileSync(path, ['-p', 'process.versions.node'], { encoding: 'utf8' });
  return Number(version.split('.')[0]) < 22 ? path : null;
}

test.serial('SIGKILL to the launcher of an older Node: the agent ends in order', async (t) => {
  const node = olderNode();
  if (node === null) {
    t.pass('skipped: /usr/bin/node is not older than 22');
    return;
  }
  const folder = await mkdtemp(join(tmpdir(), 'hp-daemon-'));
  const { child } = await start(folder, [node, join(PROJECT_ROOT, 'bin', 'hotplane.js')]);
  const vmm = await deployed(folder);
  child.kill('SIGKILL');
  await once(child, 'exit');
  const gone = async (): Promise<true | null> =>
    !(await isAlive(vmm)) && !existsSync(join(folder, 'a.sock')) ? true : null;
  t.true(await waitFor(gone, { clock: hostClock, deadline_ms: DEADLINE_MS }));
  // Its lock comes free a moment after its socket is gone: the process itself is gone, too.
  const free = async (): Promise<Daemon | null> =>
    await start(folder, MAIN).catch((error: unknown) => {
      if (String(error).includes('HP_AGENT_STATE_DIR_IN_USE')) return null;
      throw error;
    });
  const next = await waitFor(free, { clock: hostClock, deadline_ms: DEADLINE_MS });
  if (!next) throw new Error('the agent holds its lock for minutes after its VMs ended');
  next.child.kill('SIGTERM');
  await once(next.child, 'exit');
  await rm(folder, { recursive: true });
});

/** What may have become of a VM and its folder before the next agent comes. */
const HARMS: readonly (readonly [string, (run_dir: string, pid: number) => void])[] = [
  ['whose VMM is stopped', (_, pid) => void process.kill(pid, 'SIGSTOP')],
  ['whose handle was never written', (run_dir) => rmSync(join(run_dir, 'vm.json'))],
  ['whose QMP socket is gone', (run_dir) => rmSync(join(run_dir, 'qmp.sock'))],
];
for (const [what, harm] of HARMS) {
  test.serial(`a VM ${what} is ended by the next agent`, async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'hp-daemon-'));
    const first = await start(folder, MAIN);
    const vmm = await deployed(folder);
    first.child.kill('SIGKILL');
    await once(first.child, 'exit');
    harm(join(folder, 'state', 'vms', 'vm1'), vmm.pid);
    const next = await start(folder, MAIN);
    const gone = async (): Promise<true | null> => ((await isAlive(vmm)) ? null : true);
    t.true(await waitFor(gone, { clock: hostClock, deadline_ms: DEADLINE_MS }), next.log());
    const told = /ended a VM that an earlier agent left|the VM cannot be used any more/;
    const is_told = (): true | null => (told.test(next.log()) ? true : null);
    t.true(await waitFor(is_told, { clock: hostClock, deadline_ms: DEADLINE_MS }), next.log());
    next.child.kill('SIGTERM');
    await once(next.child, 'exit');
    await rm(folder, { recursive: true });
  });
}

test.serial('kill -9 leaves the VM alive; the next agent goes on with it', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'hp-daemon-'));
  const first = await start(folder, MAIN);
  const vmm = await deployed(folder);
  const second = await t.throwsAsync(start(folder, MAIN));
  t.true(second?.message.includes('HP_AGENT_STATE_DIR_IN_USE'), second?.message);
  first.child.kill('SIGKILL');
  await once(first.child, 'exit');
  t.true(await isAlive(vmm), 'the VM outlives its agent');
  const next = await start(folder, MAIN);
  t.deepEqual(await deployed(folder), vmm, 'the same VM, without another launch');
  t.true(await isAlive(vmm), next.log());
  next.child.kill('SIGTERM');
  await once(next.child, 'exit');
  t.false(await isAlive(vmm), 'an agent that ends in order ends it');
  await rm(folder, { recursive: true });
});

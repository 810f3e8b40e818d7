/**
 * Goal: every VM of an earlier agent is found by its process and ended, or booked; nothing else is
 * touched. Method: real processes in place of VMMs, in states that no VMM may stay in.
 */
import test, { type ExecutionContext } from 'ava';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { endLeftovers, type LeftoverOptions } from '../../../agent/adopt/leftovers.ts';
import { hostClock } from '../../../base/clock.ts';
import { ourProcesses } from '../../../hypervisor-client/host/host-process.ts';
import { endVmm } from '../../../hypervisor-client/lifecycle/end-vmm.ts';
import { CloudHypervisorDriver, QemuDriver } from '../../../hypervisor-client/index.ts';
import { readStartTicks } from '../../../base/process.ts';
import { waitFor } from '../../../base/wait.ts';

const PROGRAM = 'hp-test-vmm';
/** Deaf to the polite ways: only SIGKILL ends it. */
const SCRIPT = `#!/bin/sh
trap '' TERM INT HUP
echo up
while :; do sleep 1; done
`;

interface Host {
  readonly vms_dir: string;
  readonly lines: string[];
  /** Starts the fake VMM as VM `name`; resolves when it is up. */
  start(name: string): Promise<ChildProcess>;
  end(more?: Partial<LeftoverOptions>): ReturnType<typeof endLeftovers>;
}

async function hostOf(t: ExecutionContext): Promise<Host> {
  const root = await mkdtemp(join(tmpdir(), 'hp-left-'));
  const program = join(root, PROGRAM);
  writeFileSync(program, SCRIPT);
  await chmod(program, 0o755);
  const vms_dir = join(root, 'vms');
  const children: ChildProcess[] = [];
  t.teardown(async () => {
    for (const child of children) child.kill('SIGKILL');
    await rm(root, { recursive: true, force: true });
  });
  const lines: string[] = [];
  const log = pino({}, { write: (line: string) => void lines.push(line) });
  const drivers = [new CloudHypervisorDriver({ command: [program] }), new QemuDriver({ program })];
  return {
    vms_dir,
    lines,
    start: async (name) => {
      const run_dir = join(vms_dir, name);
      mkdirSync(run_dir, { recursive: true, mode: 0o700 });
      const child = spawn(program, ['--api-socket', `path=${join(run_dir, 'ch.sock')}`], {
        stdio: ['ignore', 'pipe', 'ignore'],
        detached: true,
      });
      children.push(child);
      await once(child.stdout, 'data');
      return child;
    },
    end: (more) => endLeftovers({ vms_dir, drivers, log, ...more }),
  };
}

/** Of version 1. */
function handleOf(host: Host, name: string) {
  return {
    schema_version: 1,
    vmm: 'qemu',
    pid_start_ticks: 0,
    spec: {
      id: name,
      run_dir: join(host.vms_dir, name),
      kernel_path: '/k',
      initrd_path: '/i',
      kernel_arguments: [],
      vcpus: 1,
      boot_bytes: 2 ** 28,
      regions: [],
      backing: 'anonymous',
      accelerator: 'auto',
    },
  };
}

function writeHandleOf(host: Host, name: string, fields: object): void {
  mkdirSync(join(host.vms_dir, name), { recursive: true });
  const handle = { ...handleOf(host, name), ...fields };
  writeFileSync(join(host.vms_dir, name, 'vm.json'), JSON.stringify(handle));
}

/** What an agent can leave in a run folder when it dies at a bad moment, or is of another age. */
const NOTES: readonly (readonly [string, (run_dir: string) => void])[] = [
  ['no handle at all', () => {}],
  ['an empty handle', (run_dir) => writeFileSync(join(run_dir, 'vm.json'), '')],
  [
    'a handle of a later version',
    (run_dir) => writeFileSync(join(run_dir, 'vm.json'), '{"schema_version":99,"pid":"x"}'),
  ],
  ['a folder where its handle should be', (run_dir) => mkdirSync(join(run_dir, 'vm.json'))],
];

for (const [what, note] of NOTES) {
  test(`a VM with ${what} is found by its process and ended`, async (t) => {
    const host = await hostOf(t);
    const child = await host.start('vm7');
    note(join(host.vms_dir, 'vm7'));
    const { ended, remaining, first_id } = await host.end();
    t.deepEqual([ended, remaining, first_id], [['vm7'], [], 8]);
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    t.is(child.signalCode, 'SIGKILL');
    t.true(host.lines.some((line) => line.includes('ended a VM that an earlier agent left')));
  });
}

test('eight VMs, four of them stopped, are ended side by side', async (t) => {
  const host = await hostOf(t);
  const names = Array.from({ length: 8 }, (_, index) => `vm${index + 1}`);
  const children = await Promise.all(names.map((name) => host.start(name)));
  for (const child of children.slice(0, 4)) child.kill('SIGSTOP');
  // None is ended before all are about to be, which one after another they never would.
  let are_ending = 0;
  let side_by_side = 0;
  const allAreEnding = (): true | null => (are_ending === names.length ? true : null);
  const { ended, remaining } = await host.end({
    end: async (vmm, clock, grace_ms) => {
      are_ending += 1;
      const all = await waitFor(allAreEnding, { clock: hostClock, deadline_ms: 15_000 });
      if (all) side_by_side += 1;
      await endVmm(vmm, clock, grace_ms);
    },
  });
  t.is(side_by_side, names.length);
  t.deepEqual([ended.toSorted(), remaining], [names, []]);
});

test('a VM that cannot be ended is booked with its memory, and its folder stays', async (t) => {
  const host = await hostOf(t);
  await Promise.all(Array.from({ length: 3 }, (_, at) => host.start(`vm${at + 1}`)));
  const pids = (await ourProcesses()).filter((one) => one.argv.join(' ').includes(host.vms_dir));
  const vm2 = pids.find((one) => one.argv.join(' ').includes('/vm2/'));
  writeHandleOf(host, 'vm2', { pid: vm2?.pid, pid_start_ticks: vm2?.start_ticks });
  for (let old = 100; old < 140; old += 1) mkdirSync(join(host.vms_dir, `vm${old}`));
  const { ended, remaining, first_id } = await host.end({
    end: async () => {
      throw new Error('it is stuck in the kernel');
    },
  });
  t.deepEqual(ended, []);
  t.deepEqual(remaining.map(({ id }) => id).toSorted(), ['vm1', 'vm2', 'vm3']);
  t.is(remaining.find(({ id }) => id === 'vm2')?.bytes, 2 ** 28, 'its boot memory');
  t.true(remaining.every(({ bytes }) => bytes > 0));
  t.is(first_id, 140);
  const left = await readdir(host.vms_dir);
  t.true(
    ['vm1', 'vm2', 'vm3'].every((name) => left.includes(name)),
    'older than 32 others',
  );
  t.true(host.lines.some((line) => line.includes('remains; its memory counts')));
});

test('a handle cannot make us end a process that is no VMM of its folder', async (t) => {
  const host = await hostOf(t);
  const victim = spawn('sleep', ['60']);
  t.teardown(() => victim.kill('SIGKILL'));
  const neighbour = await host.start('vm12');
  for (const [name, child] of [
    ['vm1', victim],
    ['vm2', neighbour],
  ] as const) {
    const pid_start_ticks = (await readStartTicks(child.pid ?? 0)) ?? 0;
    writeHandleOf(host, name, { pid: child.pid, pid_start_ticks });
  }
  // A program of another name that speaks of the folder is no VMM either.
  const reader = spawn('tail', ['-f', '/dev/null', join(host.vms_dir, 'vm1', 'console.log')]);
  t.teardown(() => reader.kill('SIGKILL'));
  const { ended } = await host.end();
  t.deepEqual(ended, ['vm12']);
  t.is(victim.signalCode ?? victim.exitCode, null);
  t.is(reader.signalCode, null);
  t.is(host.lines.filter((line) => line.includes('not its VMM')).length, 2);
});

test('the cgroup of a VM that ended while nobody looked goes, and no other folder', async (t) => {
  const host = await hostOf(t);
  const root = await mkdtemp(join(tmpdir(), 'hp-groups-'));
  t.teardown(async () => await rm(root, { recursive: true, force: true }));
  const groups = ['hotplane-vm1', 'other', 'hotplane-vm3'].map((name) => join(root, name));
  for (const [at, cgroup] of groups.entries()) {
    mkdirSync(cgroup);
    const version = { schema_version: 2, pid: 4_194_304 };
    const spec = { ...handleOf(host, `vm${at + 1}`).spec, devices: [] };
    writeHandleOf(host, `vm${at + 1}`, { ...version, cgroup, spec });
  }
  // The third lives.
  await host.end({ living: new Set(['vm3']) });
  t.deepEqual(await readdir(root), ['hotplane-vm3', 'other']);
});

test('a link in the state folder is not followed', async (t) => {
  const host = await hostOf(t);
  mkdirSync(host.vms_dir);
  const elsewhere = join(host.vms_dir, '..', 'elsewhere');
  mkdirSync(elsewhere);
  writeFileSync(join(elsewhere, 'a.sock'), 'precious');
  symlinkSync(elsewhere, join(host.vms_dir, 'vm1'));
  await host.end();
  t.true(existsSync(join(elsewhere, 'a.sock')));
  t.true(host.lines.some((line) => line.includes('left alone')));
});

test('a state folder that cannot be read is an error, not one without VMs', async (t) => {
  const host = await hostOf(t);
  writeFileSync(host.vms_dir, '');
  await t.throwsAsync(host.end(), { code: 'ENOTDIR' });
});

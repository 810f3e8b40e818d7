/** Goal: what a killed run left is ended and removed by the next agent, and nothing in use is. */
import test, { type ExecutionContext } from 'ava';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { lockStateDir } from '../../../agent/store/lock.ts';
import { endOrphans } from '../../../agent/adopt/orphans.ts';
import { newOwnedFolder, ownFolder } from '../../../base/owned-folder.ts';
import { QemuDriver } from '../../../hypervisor-client/index.ts';

test('a place that cannot be looked at is told, not taken for an empty one', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'hp-orph-'));
  t.teardown(() => rm(root, { recursive: true, force: true }));
  const runtime_dir = join(root, 'file');
  writeFileSync(runtime_dir, '');
  const lines: string[] = [];
  const log = pino({}, { write: (line: string) => void lines.push(line) });
  t.deepEqual(await endOrphans({ runtime_dir, drivers: [], log }), []);
  t.is(lines.length, 1);
  t.true(lines[0]?.includes(runtime_dir), lines[0]);
});

async function place(t: ExecutionContext) {
  const root = await mkdtemp(join(tmpdir(), 'hp-orph-'));
  t.teardown(() => rm(root, { recursive: true, force: true }));
  const program = join(root, 'hp-test-vmm');
  writeFileSync(program, '#!/bin/sh\necho up\nwhile :; do sleep 1; done\n');
  chmodSync(program, 0o755);
  const runtime_dir = join(root, 'run');
  const log = pino({ level: 'silent' });
  const sweep = () => endOrphans({ runtime_dir, drivers: [new QemuDriver({ program })], log });
  const startVm = async (run_dir: string) => {
    mkdirSync(run_dir, { recursive: true });
    const vmm = spawn(program, [`unix:${run_dir}/qmp.sock`], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    t.teardown(() => vmm.kill('SIGKILL'));
    await once(vmm.stdout, 'data');
    return vmm;
  };
  return { runtime_dir, sweep, startVm };
}

test('folders of a replay, a bench and a kernel check are emptied without owners', async (t) => {
  const { runtime_dir, sweep, startVm } = await place(t);
  const vmms = [];
  for (const [kind, vms] of [
    ['r', 's/vms'],
    ['bench', ''],
    ['kernel', ''],
  ] as const) {
    const owned = await newOwnedFolder(runtime_dir, kind);
    vmms.push(await startVm(join(owned.path, vms, 'vm1')));
    await owned.leave();
  }
  t.deepEqual(await sweep(), []);
  t.deepEqual(readdirSync(runtime_dir), []);
  for (const vmm of vmms) {
    if (vmm.exitCode === null && vmm.signalCode === null) await once(vmm, 'exit');
    t.not(vmm.signalCode, null);
  }
});

test('a folder stays while its owner, or its agent, lives, and so does one without a lock', async (t) => {
  const { runtime_dir, sweep, startVm } = await place(t);
  await ownFolder(join(runtime_dir, 'r-owner1'));
  const vmm = await startVm(join(runtime_dir, 'r-owner1', 's', 'vms', 'vm1'));
  const orphan = await ownFolder(join(runtime_dir, 'r-agent1'));
  mkdirSync(join(runtime_dir, 'r-agent1', 's'));
  const unlock = await lockStateDir(join(runtime_dir, 'r-agent1', 's'));
  await orphan?.leave();
  mkdirSync(join(runtime_dir, 'r-nolock'));
  mkdirSync(join(runtime_dir, 'state'));
  const before = readdirSync(runtime_dir);
  await sweep();
  t.deepEqual(readdirSync(runtime_dir), before);
  t.is(vmm.signalCode, null);
  await unlock();
  await sweep();
  t.false(readdirSync(runtime_dir).includes('r-agent1'));
});

/** Folders of failed VMs go while the agent runs, the newest and those of living VMs stay. */
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { trimFolders } from '../../agent/adopt/leftovers.ts';
import { AGENT_LIMITS } from '../../agent/limits.ts';

test('the oldest folders beyond the limit are removed, none of a VM that is there', async (t) => {
  const vms_dir = await mkdtemp(join(tmpdir(), 'hotplane-trim-'));
  t.teardown(() => rm(vms_dir, { recursive: true }));
  const count = AGENT_LIMITS.vm_folders_kept + 10;
  for (let n = 1; n <= count; n += 1) await mkdir(join(vms_dir, `vm${n}`));
  await mkdir(join(vms_dir, 'other'));
  await trimFolders(vms_dir, new Set(['vm1', 'vm2']));
  const left = new Set(await readdir(vms_dir));
  t.is(left.size, AGENT_LIMITS.vm_folders_kept + 3);
  for (const name of ['vm1', 'vm2', 'other', `vm${count}`, 'vm11']) t.true(left.has(name), name);
  t.false(left.has('vm3'));
});

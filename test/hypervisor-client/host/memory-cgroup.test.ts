/** The cgroup of a VM by what its files say; on a real kernel: test/agent/cgroup2.vm.test.ts. */
import test from 'ava';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MIB } from '../../../base/units.ts';
import { groupPath, MemoryCgroup } from '../../../hypervisor-client/host/memory-cgroup.ts';
import { QEMU_LIMITS } from '../../../hypervisor-client/qemu/limits.ts';
import { qemuSlackBytes } from '../../../hypervisor-client/qemu/slack.ts';
import { chSlackBytes } from '../../../hypervisor-client/cloud-hypervisor/slack.ts';
import { deviceOf } from '../../../hypervisor-client/spec.ts';
import { leastVm } from '../lifecycle/vm-spec.ts';

const EVENTS = 'low 0\nhigh 0\nmax 12\noom 3\noom_kill 1\noom_group_kill 0\n';

for (const [what, files, told] of [
  ['the kernel killed for', { 'memory.events': EVENTS, 'memory.max': '4096\n' }, 4_096],
  [
    'was met and nobody killed',
    { 'memory.events': EVENTS.replace('oom_kill 1', 'oom_kill 0'), 'memory.max': '4096\n' },
    null,
  ],
  ['is none', { 'memory.events': EVENTS, 'memory.max': 'max\n' }, null],
  ['is not told', {}, null],
] as const) {
  test(`a limit that ${what} is told as ${told}`, async (t) => {
    const path = await mkdtemp(join(tmpdir(), 'hotplane-group-'));
    t.teardown(async () => await rm(path, { recursive: true, force: true }));
    for (const [name, text] of Object.entries(files)) await writeFile(join(path, name), text);
    t.is(await MemoryCgroup.at(path).overLimitBytes(), told);
  });
}

for (const accounted of [true, false]) {
  const what = accounted ? 'nothing of a VMM may be swapped' : 'a kernel may have no limit of swap';
  test(`${what}: the limit is of memory`, async (t) => {
    const root = await mkdtemp(join(tmpdir(), 'hotplane-group-'));
    t.teardown(async () => await rm(root, { recursive: true, force: true }));
    const path = groupPath(root, 'vm1');
    await mkdir(path);
    const file = join(path, 'memory.swap.max');
    if (accounted) await writeFile(file, 'max\n');
    await MemoryCgroup.create(root, 'vm1', process.pid);
    t.is(existsSync(file), accounted);
    if (accounted) t.is((await readFile(file, 'utf8'))[0], '0');
  });
}

test('the group of a VM is removed once, and again without harm', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'hotplane-group-'));
  t.teardown(async () => await rm(root, { recursive: true, force: true }));
  await mkdir(groupPath(root, 'vm1'));
  const group = MemoryCgroup.at(groupPath(root, 'vm1'));
  await group.remove();
  t.false(existsSync(groupPath(root, 'vm1')));
  await t.notThrowsAsync(group.remove());
});

test('a VMM has room for what maps the guest, and for code where it translates', (t) => {
  const small = leastVm('/run/vm');
  const kvm_bytes = qemuSlackBytes(small, 'kvm');
  t.is(qemuSlackBytes(small, 'tcg') - kvm_bytes, QEMU_LIMITS.cgroup_tcg_bytes);
  const device = deviceOf({ id: 'r0', max_bytes: 1_024 * MIB, initial_bytes: 0 });
  const more_bytes = qemuSlackBytes({ ...small, devices: [device] }, 'kvm') - kvm_bytes;
  t.is(more_bytes, 6 * MIB, 'a GiB takes three tables of 2 MiB');
  const large = { ...small, devices: [device] };
  t.is(chSlackBytes(large) - chSlackBytes(small), 6 * MIB, 'under any VMM');
});

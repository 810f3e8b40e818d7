/**
 * Goal: the group of VMs is found where an agent was given one, and no other group is touched.
 * Method: made-up folders; what a kernel makes of them is shown in test/agent/cgroup2.vm.test.ts
 * and, under systemd, in test/package/systemd.test.ts.
 */
import test, { type ExecutionContext } from 'ava';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { findVmGroup, passControllersOn } from '../../../agent/pressure/vm-group.ts';

const PID = 4_000;

/** A group with these controllers, of which memory is passed on unless told otherwise. */
function group(path: string, { controllers = 'cpu memory', procs = '', control = 'memory' } = {}) {
  return {
    [`cg${path}/cgroup.controllers`]: `${controllers}\n`,
    [`cg${path}/cgroup.subtree_control`]: `${control}\n`,
    [`cg${path}/cgroup.procs`]: procs,
  };
}

/** `own`: the group of the agent. */
async function find(
  t: ExecutionContext,
  own: string | null,
  files: Readonly<Record<string, string>>,
) {
  const root = await mkdtemp(join(tmpdir(), 'hotplane-vm-group-'));
  t.teardown(async () => await rm(root, { recursive: true, force: true }));
  const place = `36 25 0:30 / ${root}/cg rw - cgroup2 cgroup2 rw\n`;
  const all = {
    ...files,
    'proc/self/cgroup': own === null ? '' : `0::${own}\n`,
    'proc/self/mountinfo': place,
  };
  for (const [path, text] of Object.entries(all)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
  const told = findVmGroup({ proc: join(root, 'proc') }, PID);
  const text = 'dir' in told ? told.dir : told.why;
  return { root, told: text.replaceAll(root, ''), found: 'dir' in told };
}

test('a service has it in the unit beside its own', async (t) => {
  const { told, found } = await find(t, '/hotplane.slice/hotplane-agent.service', {
    ...group('/hotplane.slice'),
    ...group('/hotplane.slice/hotplane-agent.service', { procs: `${PID}\n7\n` }),
    ...group('/hotplane.slice/hotplane-vms.service'),
  });
  t.deepEqual([told, found], ['/cg/hotplane.slice/hotplane-vms.service', true]);
});

test('an agent that was put into a subgroup has it beside that', async (t) => {
  const { told, found } = await find(t, '/a.slice/a.service/agent', {
    ...group('/a.slice/a.service'),
    ...group('/a.slice/a.service/agent', { procs: `${PID}\n`, control: '' }),
    ...group('/a.slice/a.service/vms'),
  });
  t.deepEqual([told, found], ['/cg/a.slice/a.service/vms', true]);
});

test('an agent that is alone in its group moves down in it', async (t) => {
  const { root, told, found } = await find(t, '/run-u1.scope', {
    ...group('/run-u1.scope', { procs: `${PID}\n` }),
    ...group('/run-u1.scope/agent'),
    ...group('/run-u1.scope/vms'),
  });
  t.deepEqual([told, found], ['/cg/run-u1.scope/vms', true]);
  const moved = await readFile(join(root, 'cg/run-u1.scope/agent/cgroup.procs'), 'utf8');
  t.is(moved, String(PID));
});

test('a group with other processes, or without the controller, is left as it is', async (t) => {
  const shared = await find(t, '/session-3.scope', {
    ...group('/session-3.scope', { procs: `12\n${PID}\n`, control: '' }),
  });
  t.is(shared.told, '/cg/session-3.scope has processes that are none of ours');
  t.false(existsSync(join(shared.root, 'cg/session-3.scope/agent')));
  const control = join(shared.root, 'cg/session-3.scope/cgroup.subtree_control');
  t.is(await readFile(control, 'utf8'), '\n');

  const other = { controllers: 'hugetlb', procs: `${PID}\n`, control: '' };
  const without = await find(t, '/x', group('/x', other));
  t.is(without.told, '/cg/x was not given the memory controller');
  t.false(existsSync(join(without.root, 'cg/x/agent')));
});

test('a host without cgroup v2 has none, and it is said', async (t) => {
  const { told, found } = await find(t, null, {});
  t.deepEqual([told, found], ['there is no cgroup v2', false]);
});

test('memory and CPUs are passed on where they can be, and nothing is said where it cannot', async (t) => {
  const { root } = await find(t, '/x', {
    ...group('/x', { procs: '1\n', control: '' }),
    ...group('/y', { controllers: 'pids', control: '' }),
    ...group('/w', { controllers: 'memory pids', control: '' }),
    ...group('/z', { control: 'cpu memory' }),
  });
  const control = async (name: string): Promise<string> => {
    passControllersOn(join(root, 'cg', name));
    return await readFile(join(root, 'cg', name, 'cgroup.subtree_control'), 'utf8');
  };
  t.is(await control('x'), '\n+memory+cpu', 'in a write each: one that is refused is alone');
  t.is(await control('w'), '\n+memory');
  t.is(await control('y'), '\n');
  t.is(await control('z'), 'cpu memory\n');
  t.notThrows(() => passControllersOn(join(root, 'cg/none')));
});

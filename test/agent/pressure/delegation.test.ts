/**
 * Which folders can hold VMMs, by made-up ones: what a kernel makes of them is shown in
 * test/agent/cgroup2.vm.test.ts.
 */
import test, { type ExecutionContext } from 'ava';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { commonFolder, whyNotDelegated } from '../../../agent/pressure/delegation.ts';

const GOOD = {
  'cg/vms/cgroup.controllers': 'cpu memory\n',
  'cg/vms/cgroup.subtree_control': 'memory\n',
  'cg/vms/cgroup.procs': '',
};

async function whyNot(t: ExecutionContext, files: Readonly<Record<string, string>>) {
  const root = await mkdtemp(join(tmpdir(), 'hotplane-delegation-'));
  t.teardown(async () => await rm(root, { recursive: true, force: true }));
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
  return whyNotDelegated(join(root, 'cg/vms'), { proc: join(root, 'proc') });
}

for (const [what, files, why] of [
  ['is not there', {}, /^it is not there$/],
  ['is an ordinary folder', { 'cg/vms/file': '' }, /^it is no folder of cgroup v2$/],
  [
    'has no memory controller',
    { ...GOOD, 'cg/vms/cgroup.controllers': 'cpu\n' },
    /^it was not given the memory controller$/,
  ],
  [
    'does not pass it on',
    { ...GOOD, 'cg/vms/cgroup.subtree_control': 'cpu\n' },
    /^its cgroup.subtree_control lacks memory$/,
  ],
] as const) {
  test(`a folder that ${what} holds no VMM, and it is said why`, async (t) => {
    t.regex((await whyNot(t, files)) ?? '', why);
  });
}

test('a folder of cgroup v2 with the memory controller holds VMMs', async (t) => {
  t.is(await whyNot(t, GOOD), null);
});

test('the folder above two groups is the one that both are in', (t) => {
  t.is(commonFolder('/cg/a/agent', '/cg/a/vms'), '/cg/a');
  t.is(commonFolder('/cg/a', '/cg/a/vms'), '/cg/a');
  t.is(commonFolder('/cg/system/x', '/cg/machine'), '/cg');
  t.is(commonFolder('/cg/ab', '/cg/a'), '/cg');
  t.is(commonFolder('/x', '/y'), '/');
});

/** A user for each VMM: who it is, and what it can do in its run folder and to others. */
import test, { type ExecutionContext } from 'ava';
import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hostClock } from '../../../base/clock.ts';
import { ourUid } from '../../../base/safe-path.ts';
import { endProcess, spawnDetached } from '../../../base/process.ts';
import { isVmmIn, ourProcesses } from '../../../hypervisor-client/host/host-process.ts';
import { whyTapsAreOurs } from '../../../hypervisor-client/host/tap.ts';
import { cleanRunDir, readHandle } from '../../../hypervisor-client/lifecycle/run-dir.ts';
import { VmStarts } from '../../../hypervisor-client/lifecycle/start.ts';
import {
  closedFolders,
  commandAs,
  openRunDir,
  VmmUsers,
  type VmmUser,
} from '../../../hypervisor-client/lifecycle/vmm-users.ts';
import { leastVm } from './vm-spec.ts';

const FIRST = 390_000;
/** Of which no process is started. */
const ALONE = 380_000;
const RANGE = { first: FIRST, count: 3 };
const as_root = process.getuid?.() === 0 ? test : test.skip;

test('VMs have users by their names, one that is taken is passed by, and none is there twice', async (t) => {
  const users = new VmmUsers({ first: ALONE, count: 3 });
  const uidOf = async (id: string, within: (uid: number) => Promise<unknown> = async () => null) =>
    await users.with(id, async ({ uid }) => {
      await within(uid);
      return uid;
    });
  t.is(await uidOf('vm7'), ALONE + 1);
  t.is(await uidOf('vm8'), ALONE + 2);
  t.is(await uidOf('vm10'), ALONE + 1, 'it is free again');
  const seen: number[] = [];
  await uidOf('vm1', async (one) => {
    seen.push(one);
    await uidOf('vm4', async (two) => {
      seen.push(two);
      await uidOf('vm7', async (three) => {
        seen.push(three);
        await t.throwsAsync(uidOf('vm10'), {
          code: 'HP_VMM_NO_USER',
          message: /all 3 from 380000/,
        });
      });
    });
  });
  t.deepEqual(seen, [ALONE + 1, ALONE + 2, ALONE]);
});

test('without users a VMM is started as it is', (t) => {
  const command = { file: 'qemu', arguments: ['-S'] };
  t.is(commandAs(null, command), command);
});

const NIC = { tap: 'tap0', mac: '52:54:00:00:00:01', mtu_bytes: 1_500 };

async function networked(t: ExecutionContext) {
  const root = await mkdtemp(join(tmpdir(), 'hp-users-'));
  t.teardown(() => rm(root, { recursive: true, force: true }));
  return { ...leastVm(join(root, 'vm1')), nic: NIC };
}

test('the VMM of a VM whose network device is there, and ours, runs as we do, and it is told', async (t) => {
  const told: string[] = [];
  const onWarning = (text: string): void => void told.push(text);
  const starts = new VmStarts({ vmm: 'none', cgroup_root: null, uids: RANGE, onWarning });
  const places = { sockets: [], files: [] };
  await starts.in(await networked(t), places, async (user) => void t.is(user, null));
  t.deepEqual(told, [
    'VM vm has a network device, and its VMM runs as our user: the device was there before.',
  ]);
});

test('a network device is made for whom the VMM runs as, before it starts', async (t) => {
  const range = { first: ALONE, count: 3 };
  const why = await whyTapsAreOurs();
  for (const uids of ourUid() === 0 ? [null, range] : [null]) {
    const told: string[] = [];
    const onWarning = (text: string): void => void told.push(text);
    const starts = new VmStarts({ vmm: 'none', cgroup_root: null, uids, onWarning });
    const owners: number[] = [];
    const makeTap = async (owner_uid: number): Promise<void> => void owners.push(owner_uid);
    const places = { sockets: [], files: [], makeTap };
    await starts.in(await networked(t), places, async (user) => {
      t.deepEqual(owners, [user?.uid ?? ourUid()]);
      t.is(user === null, uids === null || why !== null);
    });
    t.is(told.length, uids && why !== null ? 1 : 0, told.join());
    if (uids && why !== null) t.regex(told[0] ?? '', /others may not open \/dev\/net\/tun\.$/);
  }
});

test('a VMM that sets its network device up itself runs as we do where it has one', async (t) => {
  const told: string[] = [];
  const onWarning = (text: string): void => void told.push(text);
  const parts = { vmm: 'none', cgroup_root: null, uids: { first: ALONE, count: 3 } } as const;
  const starts = new VmStarts({ ...parts, why_own_nics: 'it takes a right', onWarning });
  const owners: number[] = [];
  const makeTap = async (owner_uid: number): Promise<void> => void owners.push(owner_uid);
  const places = { sockets: [], files: [], makeTap };
  await starts.in(await networked(t), places, async (user) => void t.is(user, null));
  t.deepEqual(owners, [ourUid()]);
  t.regex(told.join(), /^VM vm has a network device, .* as our user: it takes a right\.$/);
});

test('folders that others may not pass are told, from the innermost up', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'hp-users-'));
  t.teardown(() => rm(root, { recursive: true, force: true }));
  const inner = join(root, 'a', 'b');
  await mkdir(inner, { recursive: true });
  await chmod(root, 0o700);
  await chmod(join(root, 'a'), 0o711);
  await chmod(inner, 0o750);
  const closed = await closedFolders(join(inner, 'not-there-yet'));
  t.deepEqual(closed.slice(0, 2), [inner, root]);
});

interface Place {
  readonly run_dir: string;
  readonly output: () => Promise<string>;
  readonly run: (script: string) => Promise<void>;
}

/** A run folder of the user, and a shell in the place of its VMM, in a folder nobody may list. */
async function placeOf(t: ExecutionContext, user: VmmUser): Promise<Place> {
  const root = await mkdtemp(join(tmpdir(), 'hp-users-'));
  t.teardown(() => rm(root, { recursive: true, force: true }));
  await chmod(root, 0o711);
  const run_dir = join(root, 'vm1');
  await mkdir(run_dir, { mode: 0o700 });
  await writeFile(join(run_dir, 'vm.json'), '{"pid":1}', { mode: 0o600 });
  await openRunDir(run_dir, user, [join(run_dir, 'console.log')]);
  const stdout_path = join(run_dir, 'out');
  return {
    run_dir,
    output: async () => await readFile(stdout_path, 'utf8'),
    run: async (script) => {
      const command = commandAs(user, {
        file: '/bin/sh',
        arguments: ['-c', `cd ${run_dir}; ${script}`],
      });
      const started = await spawnDetached({
        ...command,
        stdout_path,
        stderr_path: join(run_dir, 'err'),
      });
      t.teardown(async () => void (await endProcess(started, hostClock, 1_000)));
      await started.exited();
    },
  };
}

as_root('a VMM has one user and group, no right of ours, and gets none back', async (t) => {
  const { run, output } = await placeOf(t, { uid: FIRST });
  await run('id -u; id -g; grep -E "^(CapPrm|CapEff|CapInh|NoNewPrivs)" /proc/self/status');
  const none = '0'.repeat(16);
  t.deepEqual((await output()).trim().split(/\s+/), [
    String(FIRST),
    String(FIRST),
    'CapInh:',
    none,
    'CapPrm:',
    none,
    'CapEff:',
    none,
    'NoNewPrivs:',
    '1',
  ]);
});

as_root('it makes its own files, and takes none of ours away or replaces it', async (t) => {
  const { run, run_dir, output } = await placeOf(t, { uid: FIRST });
  const tries = [
    'echo hello >> console.log',
    'touch qmp.sock',
    'rm -f vm.json',
    'mv qmp.sock vm.json',
    'cat vm.json',
    'rm -f console.log',
    'ln -sf /etc/passwd console.log',
    'chmod 777 .',
    'ls ..',
  ];
  await run(tries.map((one) => `(${one}) >/dev/null 2>&1 && echo yes || echo no`).join('; '));
  const [appends, makes, ...others] = (await output()).trim().split('\n');
  t.deepEqual([appends, makes], ['yes', 'yes']);
  t.deepEqual(
    others,
    tries.slice(2).map(() => 'no'),
  );
  t.is(await readFile(join(run_dir, 'console.log'), 'utf8'), 'hello\n');
  t.is(await readFile(join(run_dir, 'vm.json'), 'utf8'), '{"pid":1}');
});

as_root('a VMM meets no other one: not its folder, not its process', async (t) => {
  const [one, other] = [await placeOf(t, { uid: FIRST }), await placeOf(t, { uid: FIRST + 1 })];
  const lives = spawnDetached({
    ...commandAs({ uid: FIRST + 1 }, { file: 'sleep', arguments: ['60'] }),
    stdout_path: join(other.run_dir, 'out'),
    stderr_path: join(other.run_dir, 'err'),
  });
  const { pid } = await lives;
  t.teardown(async () => void (await endProcess(await lives, hostClock, 1_000)));
  await one.run(
    [`ls ${other.run_dir}`, `kill ${pid}`, `cat /proc/${pid}/maps`]
      .map((line) => `(${line}) >/dev/null 2>&1 && echo yes || echo no`)
      .join('; '),
  );
  t.is(await one.output(), 'no\nno\nno\n');
});

const pids = async (uids: readonly number[]): Promise<number[]> =>
  (await ourProcesses(new Set(uids))).map(({ pid }) => pid);

as_root(
  'it is known by its user after a restart of ours, and shut out when it ended',
  async (t) => {
    const root = await mkdtemp(join(tmpdir(), 'hp-users-'));
    t.teardown(() => rm(root, { recursive: true, force: true }));
    await chmod(root, 0o711);
    const spec = { ...leastVm(join(root, 'vm5')), id: 'vm5' };
    const starts = new VmStarts({
      vmm: 'sleep',
      cgroup_root: null,
      uids: RANGE,
      onWarning: undefined,
    });
    const places = { sockets: [], files: [join(spec.run_dir, 'console.log')] };
    const handle = await starts.in(spec, places, async (user) => {
      t.deepEqual(user, { uid: FIRST + 2 });
      const words = ['-c', `exec -a "sleep ${spec.run_dir}/" sleep 60`];
      const started = await spawnDetached({
        ...commandAs(user, { file: '/bin/bash', arguments: words }),
        stdout_path: join(spec.run_dir, 'out'),
        stderr_path: join(spec.run_dir, 'err'),
      });
      t.teardown(async () => void (await endProcess(started, hostClock, 1_000)));
      return await starts.record(spec, started, user);
    });
    const found = await readHandle(spec.run_dir);
    t.deepEqual(found, handle);
    t.is(found?.uid, FIRST + 2);
    const driver = { runs: ({ exe }: { readonly exe: string }) => exe.endsWith('/sleep') };
    while ((await readFile(`/proc/${handle.pid}/comm`, 'utf8')) !== 'sleep\n')
      await hostClock.sleep(20);
    t.true(await isVmmIn(handle, spec.run_dir, driver));
    const { uid: _, ...without } = handle;
    t.false(await isVmmIn(without, spec.run_dir, driver), 'another user is another process');
    t.true((await pids([FIRST + 2])).includes(handle.pid));
    t.false((await pids([])).includes(handle.pid));
    t.is((await stat(spec.run_dir)).mode & 0o7777, 0o1770);
    await cleanRunDir(spec.run_dir, []);
    t.is((await stat(spec.run_dir)).mode & 0o7777, 0o700);
  },
);

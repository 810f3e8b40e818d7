/** What every start of a VM takes: a run folder of its own, and an error with the VMM's words. */
import test from 'ava';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, rmdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hasCode } from '../../../hypervisor-client/errors.ts';
import { startFailed, VmStarts } from '../../../hypervisor-client/lifecycle/start.ts';
import { leastVm } from './vm-spec.ts';

const NOTHING = { sockets: [], files: [] };
const root = await mkdtemp(join(tmpdir(), 'hotplane-start-'));
test.after.always(async () => await rm(root, { recursive: true, force: true }));

test('a run folder has one start at a time, and the next one when that ended', async (t) => {
  const starts = new VmStarts({ vmm: 'none', cgroup_root: null, onWarning: undefined });
  const spec = leastVm(join(root, 'run'));
  const ended = Promise.withResolvers<string>();
  const first = starts.in(spec, NOTHING, async () => await ended.promise);
  const second = await t.throwsAsync(
    starts.in(spec, NOTHING, async () => await Promise.resolve('b')),
  );
  t.true(hasCode(second, 'HP_VMM_RUN_DIR_TAKEN'), String(second));
  ended.reject(new Error('did not start'));
  await t.throwsAsync(first, { message: 'did not start' });
  t.is(await starts.in(spec, NOTHING, async () => await Promise.resolve('c')), 'c');
});

test('a failed start is one sentence, with the last words of the VMM where they are wanted', async (t) => {
  const stderr_path = join(root, 'stderr.log');
  await writeFile(stderr_path, 'one\ntwo\n');
  const spec = leastVm(root);
  const message = async (what: string, quotes: boolean): Promise<string> =>
    (await startFailed(spec, what, { stderr_path, quotes })).message;
  t.is(await message('it ended', true), 'VM vm did not start: it ended: one | two.');
  t.is(await message('It ended.', true), 'VM vm did not start: It ended: one | two.');
  t.is(await message('It ended.', false), 'VM vm did not start: It ended.');
});

/** Where cgroup v2 is, without the memory controller for those below. */
const MOUNTS = ['/sys/fs/cgroup/unified', '/sys/fs/cgroup'];

async function groupsWithoutMemory(): Promise<string | null> {
  for (const mount of MOUNTS) {
    const path = join(mount, `hotplane-test-${process.pid}`);
    const made = mkdir(path).then(async () => await readdir(path));
    const names: readonly string[] = await made.catch(() => []);
    if (names.includes('cgroup.procs') && !names.includes('memory.max')) return path;
    await rmdir(path).catch(() => undefined);
  }
  return null;
}

test.serial('a VMM that ends before its limit, or has none, leaves no cgroup', async (t) => {
  const cgroup_root = await groupsWithoutMemory();
  if (cgroup_root === null) {
    t.pass('no such cgroup can be made here');
    return;
  }
  t.teardown(async () => await rmdir(cgroup_root));
  const warnings: string[] = [];
  const onWarning = (text: string): void => void warnings.push(text);
  const starts = new VmStarts({ vmm: 'none', cgroup_root, onWarning });
  const groups = async (): Promise<readonly string[]> =>
    (await readdir(cgroup_root)).filter((name) => name.startsWith('hotplane-'));
  const bytes = { guest: 0, slack: 0 };
  const child = spawn('sleep', ['60'], { stdio: 'ignore' });
  const { pid = 0 } = child;
  const limited = await starts.confine(leastVm(root), pid, bytes);
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
  await limited?.remove();
  t.deepEqual(await groups(), [], 'of one without a limit');
  t.is(await starts.confine(leastVm(root), pid, bytes), null);
  t.deepEqual(await groups(), [], 'of one that has ended');
  t.is(warnings.length, 2);
});

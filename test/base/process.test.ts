import test from 'ava';
import { execa } from 'execa';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assert } from '../../base/assert.ts';
import { hostClock } from '../../base/clock.ts';
import { PROJECT_ROOT } from '../../base/paths.ts';
import {
  endProcess,
  isAlive,
  readStartTicks,
  sendSignal,
  spawnDetached,
  waitForEnd,
} from '../../base/process.ts';
import { errnoOf } from '../../base/system-error.ts';
import { waitFor } from '../../base/wait.ts';

const folder = await mkdtemp(join(tmpdir(), 'hotplane-process-'));
test.after.always(async () => await rm(folder, { recursive: true, force: true }));

/** Far more than any end takes, also on a busy host. */
const END_MS = 60_000;
/** So long one waits for a process that does not listen. */
const DEAF_MS = 2_000;

/** A shell that runs `script`, which says `ready` when it can be signalled. */
async function start(name: string, script: string) {
  const stdout_path = join(folder, name);
  const child = await spawnDetached({
    file: 'sh',
    arguments: ['-c', script],
    stdout_path,
    stderr_path: join(folder, 'err'),
  });
  const said = async () => (await readFile(stdout_path, 'utf8')) === 'ready\n' || null;
  const is_ready = await waitFor(said, { clock: hostClock, deadline_ms: 30_000 });
  assert(is_ready, `${name} said nothing`);
  return child;
}

test('a process is known by pid and start time, and tells how it ended', async (t) => {
  const child = await start('known', 'echo ready; exec sleep 60');
  t.true(await isAlive(child));
  t.is(await readStartTicks(child.pid), child.start_ticks);
  t.false(await isAlive({ pid: child.pid, start_ticks: child.start_ticks + 1 }));
  t.true(await endProcess(child, hostClock, END_MS));
  t.deepEqual(await child.exited(), { code: null, signal: 'SIGTERM' });
  t.false(await isAlive(child));
});

test('a process that ignores SIGTERM is killed', async (t) => {
  const child = await start(
    'deaf',
    'trap "" TERM; echo ready; while :; do read x < /dev/zero; done',
  );
  // Each signal has that long, the second one on a busy host, too.
  t.true(await endProcess(child, hostClock, DEAF_MS));
  t.is((await child.exited()).signal, 'SIGKILL');
});

test('a process with the same pid and another start time gets no signal', async (t) => {
  const other = { pid: process.pid, start_ticks: 1 };
  t.false(await sendSignal(other, 'SIGKILL'));
  t.true(await endProcess(other, hostClock, 100));
  t.true(await waitForEnd(other, hostClock, 100));
});

test('a program that is not there is the error of the system', async (t) => {
  const options = {
    arguments: [],
    stdout_path: join(folder, 'out'),
    stderr_path: join(folder, 'err'),
  };
  const error = await t.throwsAsync(spawnDetached({ file: '/no/such/program', ...options }));
  t.is(errnoOf(error), 'ENOENT');
});

test('a pipe in the place of its output is refused without waiting for a reader', async (t) => {
  const pipe = join(folder, 'pipe');
  await execa('mkfifo', [pipe]);
  const options = { file: 'true', arguments: [], stdout_path: join(folder, 'out') };
  const error = await t.throwsAsync(spawnDetached({ ...options, stderr_path: pipe }));
  t.is(errnoOf(error), 'ENXIO');
});

test('a process that is told our end has a pipe as its descriptor 3', async (t) => {
  const stdout_path = join(folder, 'told');
  const child = await spawnDetached({
    file: 'sh',
    arguments: ['-c', 'readlink /proc/$$/fd/3; echo $WHO'],
    stdout_path,
    stderr_path: stdout_path,
    env: { PATH: process.env['PATH'], WHO: 'told' },
    is_told_our_end: true,
  });
  t.deepEqual(await child.exited(), { code: 0, signal: null });
  t.regex(await readFile(stdout_path, 'utf8'), /^socket:\[\d+\]\ntold\n$/);
});

test('a process outlives its owner', async (t) => {
  const module = join(PROJECT_ROOT, 'base/process.ts');
  const script = `
    const { spawnDetached } = await import(${JSON.stringify(module)});
    const { pid, start_ticks } = await spawnDetached({ file: 'sleep', arguments: ['60'],
      stdout_path: ${JSON.stringify(join(folder, 'out'))},
      stderr_path: ${JSON.stringify(join(folder, 'err'))} });
    console.log(JSON.stringify({ pid, start_ticks }));`;
  const { stdout } = await execa(process.execPath, ['--input-type=module', '-e', script], {
    timeout: END_MS,
  });
  const orphan: { pid: number; start_ticks: number } = JSON.parse(stdout);
  t.true(await isAlive(orphan));
  await endProcess(orphan, hostClock, END_MS);
  t.false(await isAlive(orphan));
});

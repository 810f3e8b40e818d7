import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { acquireLock } from '../../images/cache/lock.ts';

async function lockPath(t: ExecutionContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'hotplane-lock-'));
  t.teardown(() => rm(dir, { recursive: true, force: true }));
  return join(dir, 'locks', 'a.lock');
}

test('the second waits, hears who holds it, and gives up at its deadline', async (t) => {
  const path = await lockPath(t);
  const lock = await acquireLock(path, { deadline_ms: 1000 });
  const heard: (number | null)[] = [];
  const onWait = (pid: number | null) => void heard.push(pid);
  await t.throwsAsync(acquireLock(path, { deadline_ms: 0, onWait }), {
    code: 'HP_IMAGE_LOCK_TIMEOUT',
  });
  t.is(heard[0], process.pid);
  await lock.release();
  await (await acquireLock(path, { deadline_ms: 0 })).release();
});

test('waiting can be interrupted', async (t) => {
  const path = await lockPath(t);
  const lock = await acquireLock(path, { deadline_ms: 1000 });
  const abort = new AbortController();
  const waiting = acquireLock(path, {
    deadline_ms: 60_000,
    signal: abort.signal,
    onWait: () => abort.abort(),
  });
  await t.throwsAsync(waiting, { code: 'HP_IMAGE_INTERRUPTED' });
  await lock.release();
});

test('a tool that inherited the lock keeps it when its owner is gone, and no longer', async (t) => {
  const path = await lockPath(t);
  const lock = await acquireLock(path, { deadline_ms: 1000 });
  const tool = spawn('cat', { stdio: ['pipe', 'ignore', 'ignore', lock.fd] });
  await once(tool, 'spawn');
  await lock.release();
  await t.throwsAsync(acquireLock(path, { deadline_ms: 0 }), { code: 'HP_IMAGE_LOCK_TIMEOUT' });
  tool.kill('SIGKILL');
  await once(tool, 'exit');
  await (await acquireLock(path, { deadline_ms: 0 })).release();
});

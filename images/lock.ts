/**
 * A lock between processes, held by the kernel (flock) on an open file and so never stale. Tools
 * that inherit the file hold it too: an orphaned `make` keeps a second build out until it ends.
 */
import { spawn } from 'node:child_process';
import { type FileHandle, mkdir, open, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type Clock, hostClock } from '../base/clock.ts';
import { toolEnvironment } from '../base/tool-environment.ts';
import { imageError } from './errors.ts';

export interface LockOptions {
  /** Called about four times a second while somebody else holds it. */
  readonly onWait?: (holder_pid: number | null) => void;
  readonly deadline_ms: number;
  readonly clock?: Clock;
  readonly signal?: AbortSignal;
}

export interface Lock {
  /** Give it to child processes that write what the lock protects. */
  readonly fd: number;
  release(): Promise<void>;
}

const POLL_MS = 250;
const WOULD_BLOCK = 75;

export async function acquireLock(path: string, options: LockOptions): Promise<Lock> {
  const clock = options.clock ?? hostClock;
  const end_ms = clock.nowMs() + options.deadline_ms;
  await mkdir(dirname(path), { recursive: true });
  const file = await open(path, 'a+');
  try {
    while (!(await tryLock(file))) {
      const holder = Number.parseInt(await readFile(path, 'utf8'), 10);
      options.onWait?.(Number.isNaN(holder) ? null : holder);
      if (clock.nowMs() >= end_ms) throw lockTimeout(path, holder);
      await clock.sleep(POLL_MS, options.signal);
    }
    await file.truncate(0);
    await file.write(`${process.pid}\n`);
  } catch (error) {
    await file.close();
    throw options.signal?.aborted ? waitInterrupted(error) : error;
  }
  return { fd: file.fd, release: () => file.close() };
}

/** Node has no flock: the tool of util-linux locks the file it inherits, and it stays locked. */
async function tryLock(file: FileHandle): Promise<boolean> {
  const child = spawn('flock', ['--nonblock', '--conflict-exit-code', `${WOULD_BLOCK}`, '3'], {
    stdio: ['ignore', 'ignore', 'ignore', file.fd],
    env: toolEnvironment(),
  });
  const code = await new Promise<number | null>((done, fail) => {
    child.once('error', fail);
    child.once('exit', done);
  });
  if (code === 0) return true;
  if (code === WOULD_BLOCK) return false;
  throw imageError('HP_IMAGE_BUILD_FAILED', {
    message: `flock failed with exit code ${code}.`,
    next: 'Check that the cache folder lies on a local file system with locks.',
  });
}

function waitInterrupted(cause: unknown): Error {
  return imageError('HP_IMAGE_INTERRUPTED', {
    message: 'Interrupted while waiting for another build.',
    next: 'Run the same command again.',
    cause,
  });
}

function lockTimeout(path: string, holder: number): Error {
  return imageError('HP_IMAGE_LOCK_TIMEOUT', {
    message: `Another build (process ${holder}) still holds ${path}.`,
    next: 'Wait for that build to end, or stop it, and run the same command again.',
  });
}

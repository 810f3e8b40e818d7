/**
 * A lock between processes, held by the kernel (flock) on an open file and so never stale. Tools
 * that inherit the file hold it too: an orphaned `make` keeps a second build out until it ends.
 */
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type Clock, hostClock } from '../../base/clock.ts';
import { lockOpenFile } from '../../base/file-lock.ts';
import { makeFolder } from '../../base/make-folder.ts';
import { needPlainFile, readPlainFile } from '../../base/plain-file.ts';
import { imageError } from '../errors.ts';

export interface LockOptions {
  /** Called about four times a second while somebody else holds it. */
  readonly onWait?: (holder_pid: number | null) => void;
  readonly deadline_ms: number;
  readonly clock?: Clock;
  readonly signal?: AbortSignal | undefined;
}

export interface Lock {
  /** Give it to child processes that write what the lock protects. */
  readonly fd: number;
  release(): Promise<void>;
}

const POLL_MS = 250;

export async function acquireLock(path: string, options: LockOptions): Promise<Lock> {
  const clock = options.clock ?? hostClock;
  const end_ms = clock.nowMs() + options.deadline_ms;
  await makeFolder(dirname(path));
  const file = await open(path, 'a+');
  try {
    needPlainFile(path, await file.stat());
    while (!(await lockOpenFile(file.fd))) {
      const holder = Number.parseInt(await readPlainFile(path), 10);
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

function waitInterrupted(cause: unknown): Error {
  return imageError('HP_IMAGE_INTERRUPTED', 'Interrupted while waiting for another build.', {
    next: 'Run the same command again.',
    cause,
  });
}

function lockTimeout(path: string, holder: number): Error {
  return imageError(
    'HP_IMAGE_LOCK_TIMEOUT',
    `Another build (process ${holder}) still holds ${path}.`,
  );
}

/**
 * A lock between processes, held by the kernel (flock) on an open file: never stale, gone with its
 * holder however that ended. The file stays where it is; it is never removed, only locked.
 */
import { spawn } from 'node:child_process';
import { constants, existsSync } from 'node:fs';
import { type FileHandle, lstat, open } from 'node:fs/promises';
import type { HotplaneError } from './errors.ts';
import { baseError } from './codes.ts';
import { needPlainFile } from './plain-file.ts';
import { toolEnvironment } from './tool-environment.ts';

export interface FileLock {
  /** A child that inherits it holds the lock too, until it ends. */
  readonly fd: number;
  /** What the last holder wrote; empty when there was none. */
  readonly earlier_text: string;
  release(): Promise<void>;
}

/** util-linux's flock says with it that somebody else holds the lock. */
const WOULD_BLOCK = 75;
/** Somebody replaced the file while we locked it; more than once is not by chance. */
const ATTEMPTS = 3;

const FLAGS = constants.O_RDWR + constants.O_CREAT + constants.O_NOFOLLOW;

/**
 * Locks the file at `path` (made with mode 0600) and writes `text` into it; the text of the holder
 * when somebody else has it. Throws HP_LOCK_FAILED where there are no locks.
 */
export async function tryLockFile(path: string, text: string): Promise<FileLock | string> {
  for (let attempt = 1; ; attempt += 1) {
    const file = await open(path, FLAGS, 0o600);
    try {
      needPlainFile(path, await file.stat());
      const earlier_text = await file.readFile('utf8');
      if (!(await lockOpenFile(file.fd))) {
        await file.close();
        return earlier_text;
      }
      if (await isSameFile(file, path)) {
        await file.truncate(0);
        await file.write(text, 0);
        return hold(file, earlier_text);
      }
      if (attempt >= ATTEMPTS) throw lockFailed(`${path} is replaced again and again.`);
    } catch (error) {
      await file.close();
      throw error;
    }
    await file.close();
  }
}

/** A handle that nobody refers to is closed by the collector of garbage, and with it the lock. */
const held = new Set<FileHandle>();

function hold(file: FileHandle, earlier_text: string): FileLock {
  held.add(file);
  const release = async (): Promise<void> => {
    if (held.delete(file)) await file.close();
  };
  return { fd: file.fd, earlier_text, release };
}

/** Where util-linux, essential on every Linux host, has it: found also with a PATH of one's own. */
const FLOCK_PATH = '/usr/bin/flock';

/** Node has no flock: the tool of util-linux locks the file it inherits, and it stays locked. */
export async function lockOpenFile(fd: number): Promise<boolean> {
  const program = existsSync(FLOCK_PATH) ? FLOCK_PATH : 'flock';
  const child = spawn(program, ['--nonblock', '--conflict-exit-code', `${WOULD_BLOCK}`, '3'], {
    stdio: ['ignore', 'ignore', 'ignore', fd],
    env: toolEnvironment(),
  });
  const code = await new Promise<number | null>((done, fail) => {
    child.once('error', (cause) => fail(lockFailed('flock cannot be run.', cause)));
    child.once('exit', done);
  });
  if (code === 0) return true;
  if (code === WOULD_BLOCK) return false;
  throw lockFailed(`flock failed with exit code ${code}.`);
}

/** Whoever removed the file let the next one lock another: both would hold "the" lock. */
async function isSameFile(file: FileHandle, path: string): Promise<boolean> {
  const ours = await file.stat();
  const there = await lstat(path).catch(() => null);
  return there !== null && there.ino === ours.ino && there.dev === ours.dev;
}

function lockFailed(message: string, cause?: Error): HotplaneError {
  return baseError('HP_LOCK_FAILED', message, { cause });
}

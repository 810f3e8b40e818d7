/**
 * Processes that outlive their owner: started detached with files for stdio, known by pid and start
 * time, ended by escalation. Nothing here knows what a VMM is.
 */
import { readFile } from 'node:fs/promises';
import { execa } from 'execa';
import { assert } from './assert.ts';
import type { Clock } from './clock.ts';
import { appendPlainFile } from './plain-file.ts';
import { vmmEnvironment } from './tool-environment.ts';
import { waitFor } from './wait.ts';
import { errnoOf } from './system-error.ts';

/** A process by pid and start time (clock ticks since boot), so that a reused pid is not taken. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly start_ticks: number;
}

export interface ProcessExit {
  /** Exit code, or null when it ended by a signal or was not our child. */
  readonly code: number | null;
  readonly signal: string | null;
}

export interface SpawnOptions {
  readonly file: string;
  readonly arguments: readonly string[];
  readonly stdout_path: string;
  readonly stderr_path: string;
  readonly cwd?: string;
  /** The whole environment; default: that of a VMM. */
  readonly env?: NodeJS.ProcessEnv;
  /** Of its two files when they are made here; default: for their owner alone. */
  readonly file_mode?: number;
  /**
   * Its descriptor 3 is a pipe that ends with us, for a process that shall end then too. The pipe
   * holds our event loop as long as the process lives.
   */
  readonly is_told_our_end?: boolean;
}

export interface DetachedProcess extends ProcessIdentity {
  /**
   * Resolves when the process has ended and was reaped. Never rejects. Our event loop stays alive
   * for it only from this call on: a detached process must not hold its owner.
   */
  exited(): Promise<ProcessExit>;
}

/**
 * Starts a process in a session of its own. Its stdio are files, never pipes of ours, so it neither
 * dies with its owner nor blocks on it. Rejects with the system's error (ENOENT, EACCES) when it
 * could not be started, and with HP_FILE_NOT_PLAIN when a path for its stdio holds no file.
 */
export async function spawnDetached(options: SpawnOptions): Promise<DetachedProcess> {
  const { file_mode = 0o600 } = options;
  await using stdout = await appendPlainFile(options.stdout_path, file_mode);
  await using stderr = await appendPlainFile(options.stderr_path, file_mode);
  assert(isDescriptor(stdout.fd) && isDescriptor(stderr.fd), 'files have descriptors above 2');
  const child = execa(options.file, options.arguments, {
    env: options.env ?? vmmEnvironment(),
    extendEnv: false,
    stdio: ['ignore', stdout.fd, stderr.fd, options.is_told_our_end ? 'pipe' : 'ignore'],
    detached: true,
    cleanup: false,
    buffer: false,
    reject: false,
    ...(options.cwd ? { cwd: options.cwd } : {}),
  });
  child.nodeChildProcess.unref();
  const ended = (async () => await child)();
  if (child.pid === undefined) throw (await ended).cause;
  const exited = async () => {
    child.nodeChildProcess.ref();
    const { exitCode, signal } = await ended;
    return { code: exitCode ?? null, signal: signal ?? null };
  };
  const start_ticks = (await readStat(child.pid))?.start_ticks ?? 0;
  return { pid: child.pid, start_ticks, exited };
}

/** execa types descriptors as 3 to 9; it takes every open one. */
const isDescriptor = (fd: number): fd is 3 => fd > 2;

/** True while the process runs; a zombie, or another process with the same pid, is not it. */
export async function isAlive(identity: ProcessIdentity): Promise<boolean> {
  const stat = await readStat(identity.pid);
  return stat !== null && stat.start_ticks === identity.start_ticks && !stat.dead;
}

/** Start time of a process in clock ticks, or null when there is none. */
export async function readStartTicks(pid: number): Promise<number | null> {
  return (await readStat(pid))?.start_ticks ?? null;
}

/** Sends a signal if the process is still the one meant; true when it was sent. */
export async function sendSignal(
  identity: ProcessIdentity,
  signal: NodeJS.Signals,
): Promise<boolean> {
  if (!(await isAlive(identity))) return false;
  try {
    return process.kill(identity.pid, signal);
  } catch (error) {
    if (errnoOf(error) === 'ESRCH') return false;
    throw error;
  }
}

/** Waits until the process is gone; false when the deadline (a duration) passed first. */
export async function waitForEnd(
  identity: ProcessIdentity,
  clock: Clock,
  deadline_ms: number,
): Promise<boolean> {
  const gone = await waitFor(async () => ((await isAlive(identity)) ? null : true), {
    clock,
    deadline_ms,
    longest_pause_ms: 20,
  });
  return gone === true;
}

/**
 * Ends a process: SIGTERM, then SIGKILL, each given `grace_ms`. True when it is gone; false when
 * even SIGKILL did not help (a task stuck in the kernel).
 */
export async function endProcess(
  identity: ProcessIdentity,
  clock: Clock,
  grace_ms: number,
): Promise<boolean> {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    if (!(await sendSignal(identity, signal))) return true;
    if (await waitForEnd(identity, clock, grace_ms)) return true;
  }
  return false;
}

interface ProcessStat {
  readonly start_ticks: number;
  readonly dead: boolean;
}

/** /proc/PID/stat: the name in field 2 may hold anything, so fields are counted from its end. */
async function readStat(pid: number): Promise<ProcessStat | null> {
  let text: string;
  try {
    text = await readFile(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return null;
  }
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const start_ticks = Number(fields[19]);
  if (!Number.isSafeInteger(start_ticks)) return null;
  return { start_ticks, dead: fields[0] === 'Z' || fields[0] === 'X' };
}

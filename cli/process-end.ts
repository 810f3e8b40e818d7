/**
 * How the process ends, whatever happens. The first SIGINT, SIGTERM or (where the command heeds it)
 * SIGHUP, an exception nobody caught and an owner that is gone abort one signal: the command then
 * undoes what it began. A second signal, or an end that takes too long, cuts it short.
 */
import { fstatSync, readFileSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { Socket } from 'node:net';
import { constants } from 'node:os';
import { EXIT_CODES } from '../base/errors.ts';
import { lastWords } from '../base/last-words.ts';
import { CLI_LIMITS } from './limits.ts';
import { isOurFolder } from '../base/safe-path.ts';

const ENDING = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
type Ending = (typeof ENDING)[number];

export interface ProcessEndOptions {
  readonly env: NodeJS.ProcessEnv;
  /** Whether SIGHUP is to end the command that runs now. */
  readonly heedsHangup: () => boolean;
  /** Says one line to people; must not fail. */
  readonly tell: (line: string) => void;
  /** Says what an exception that nobody caught was. */
  readonly tellCrash: (error: unknown) => void;
}

export interface ProcessEnd {
  /** Its reason is the signal's name, `owner` when the owner is gone, or the exception. */
  readonly signal: AbortSignal;
  /** Whether an exception that nobody caught is why the process ends. */
  crashed(): boolean;
  /** Removes what the owner made for us alone, once it is gone and cannot do so. */
  cleanUp(): Promise<void>;
}

/** Takes over signals and uncaught exceptions of this process. Call it once. */
export function watchProcessEnd(options: ProcessEndOptions): ProcessEnd {
  const abort = new AbortController();
  let crashed = false;
  const cut = (why: string, code: number): never => {
    options.tell([`hotplane: ${why}.`, ...lastWords()].join(' '));
    process.exit(code);
  };
  const begin = (reason: unknown, code: number): void => {
    abort.abort(reason);
    const late = `not ended in order within ${CLI_LIMITS.orderly_end_ms} ms, ended by force`;
    setTimeout(() => cut(late, code), CLI_LIMITS.orderly_end_ms).unref();
  };
  const onSignal = (name: Ending): void => {
    const code = 128 + constants.signals[name];
    if (abort.signal.aborted) cut(`ended at once by another signal (${name})`, code);
    begin(name, code);
  };
  const hangup_is_ignored = isUnderNohup(options.env);
  for (const name of ENDING) {
    process.on(name, () => {
      if (name !== 'SIGHUP' || (options.heedsHangup() && !hangup_is_ignored)) onSignal(name);
    });
  }
  const onCrash = (error: unknown): void => {
    options.tellCrash(error);
    if (!crashed && !abort.signal.aborted) begin(error, EXIT_CODES.failure);
    crashed = true;
  };
  process.on('uncaughtException', onCrash);
  process.on('unhandledRejection', onCrash);
  const folder = options.env[OWNER_FOLDER_VARIABLE];
  delete options.env[OWNER_FOLDER_VARIABLE];
  let is_orphan = false;
  watchOwner(options.env, () => {
    is_orphan = true;
    if (!abort.signal.aborted) begin('owner', EXIT_CODES.failure);
  });
  return {
    signal: abort.signal,
    crashed: () => crashed,
    cleanUp: async () => {
      if (is_orphan && folder !== undefined && isOurFolder(folder)) {
        await rm(folder, { recursive: true, force: true });
      }
    },
  };
}

/** Environment variable that names an inherited descriptor: at its end the owner is gone. */
const OWNER_FD_VARIABLE = 'HOTPLANE_OWNER_FD';
/** Another one, for a folder that the owner made for this process alone. */
const OWNER_FOLDER_VARIABLE = 'HOTPLANE_OWNER_FOLDER';

/** The kernel closes the owner's end however it went, SIGKILL included. */
function watchOwner(env: NodeJS.ProcessEnv, onGone: () => void): void {
  const text = env[OWNER_FD_VARIABLE];
  // Not for our own children: they have no such descriptor.
  delete env[OWNER_FD_VARIABLE];
  const fd = Number(text);
  if (text === undefined || !Number.isInteger(fd) || fd < 3 || !isOpen(fd)) return;
  const owner = new Socket({ fd, readable: true, writable: false });
  owner.on('error', () => undefined);
  owner.once('close', onGone);
  owner.resume();
  owner.unref();
}

function isOpen(fd: number): boolean {
  try {
    fstatSync(fd);
    return true;
  } catch {
    return false;
  }
}

/**
 * Whether we were started with SIGHUP ignored. Node sets all signals back when it starts (the mask
 * in /proc/self/status tells nothing), so nohup(1) is known by its other marks: the shell's `_`,
 * and a terminal at stdin replaced by /dev/null opened for writing only.
 */
function isUnderNohup(env: NodeJS.ProcessEnv): boolean {
  if (env['_']?.split('/').at(-1) === 'nohup') return true;
  try {
    const flags = /^flags:\s*(\d+)/m.exec(readFileSync('/proc/self/fdinfo/0', 'utf8'))?.[1];
    const is_write_only = (Number.parseInt(flags ?? '0', 8) & O_ACCMODE) === 1;
    return is_write_only && fstatSync(0).rdev === statSync('/dev/null').rdev;
  } catch {
    return false;
  }
}

/** fcntl.h: the bits of the flags that say reading (0), writing (1) or both (2). */
const O_ACCMODE = 3;

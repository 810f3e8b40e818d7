/**
 * The place of the agent's socket: claimed by a lock beside it for the agent's whole life, bound
 * where nobody else can connect, and given back only if it is still ours.
 */
import { constants, type Stats } from 'node:fs';
import {
  chmod,
  chown,
  type FileHandle,
  link,
  lstat,
  mkdtemp,
  open,
  rm,
  unlink,
} from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { type HotplaneError, isHotplaneError } from '../../base/errors.ts';
import { baseError } from '../../base/codes.ts';
import { agentError } from '../model/errors.ts';
import { type FileLock, tryLockFile } from '../../base/file-lock.ts';
import { LIMITS } from '../../base/limits.ts';
import { checkSocketPath, ensureSafeFolder, ourUid } from '../../base/safe-path.ts';

/** Who may connect besides the owner. */
export interface SocketAccess {
  /** Number of the group that the socket is given; null: as it comes. */
  readonly gid: number | null;
  /** Its permissions; connecting takes the right to write. */
  readonly mode: number;
}

const OWNER_ONLY: SocketAccess = { gid: null, mode: 0o600 };

export class SocketPlace {
  readonly path: string;
  readonly #access: SocketAccess;
  readonly #lock: FileLock;
  #bound: Stats | null = null;
  /** Open as long as the server: at its end the runtime removes the path it once bound. */
  #folder: FileHandle | null = null;

  private constructor(path: string, access: SocketAccess, lock: FileLock) {
    this.path = path;
    this.#access = access;
    this.#lock = lock;
  }

  /**
   * Takes the place, and removes the socket of an agent that is gone. Throws
   * HP_AGENT_SOCKET_IN_USE when another agent has it, HP_AGENT_SOCKET or HP_PATH_UNSAFE when it
   * cannot be a place for ours.
   */
  static async claim(path: string, access: SocketAccess = OWNER_ONLY): Promise<SocketPlace> {
    checkSocketPath(path);
    await ensureSafeFolder(dirname(path), 'shared');
    const lock = await tryLockFile(`${path}.lock`, `${process.pid}\n`);
    if (typeof lock === 'string') throw inUse(path);
    try {
      await removeDeadSocket(path);
    } catch (error) {
      await lock.release();
      throw error;
    }
    return new SocketPlace(path, access, lock);
  }

  /**
   * Calls `bind` with a path inside a folder only we may enter, then gives the socket its name: at
   * no moment may another user connect, and nothing that lies there is replaced.
   */
  async bind(bind: (path: string) => Promise<void>): Promise<void> {
    const folder = await mkdtemp(join(dirname(this.path), '.hp-'));
    try {
      // Through the open folder, whose own path may be too long for a socket address.
      this.#folder = await open(folder, constants.O_RDONLY + constants.O_DIRECTORY);
      await bind(`/proc/self/fd/${this.#folder.fd}/s`);
      const inner = join(folder, 's');
      await this.#open(inner);
      await link(inner, this.path);
      this.#bound = await lstat(this.path);
    } catch (cause) {
      if (isHotplaneError(cause)) throw cause;
      throw socketError('unavailable', `the agent cannot listen on ${this.path}.`, cause);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  /** While only we can reach it. */
  async #open(inner: string): Promise<void> {
    const { gid, mode } = this.#access;
    await chmod(inner, 0o600);
    if (gid !== null) await chown(inner, ourUid(), gid);
    await chmod(inner, mode);
  }

  /** Removes the socket if it is the one that was bound, and gives the place back. */
  async release(): Promise<void> {
    const found = await lstat(this.path).catch(() => null);
    const ours = this.#bound;
    if (found && ours && found.ino === ours.ino && found.dev === ours.dev) {
      await unlink(this.path).catch(() => undefined);
    }
    await this.#folder?.close();
    await this.#lock.release();
  }
}

/** With the lock held: what lies there is nobody's, unless somebody without a lock answers. */
async function removeDeadSocket(path: string): Promise<void> {
  const found = await lstat(path).catch(() => null);
  if (!found) return;
  if (!found.isSocket()) throw socketError('conflict', `${path} exists and is not a socket.`);
  if (found.uid !== ourUid() && found.uid !== 0) {
    throw socketError('conflict', `${path} belongs to user ${found.uid}.`);
  }
  if (await answers(path)) throw inUse(path);
  await unlink(path);
}

function inUse(path: string): HotplaneError {
  return agentError('HP_AGENT_SOCKET_IN_USE', `another agent listens on ${path}.`);
}

function socketError(
  category: 'conflict' | 'unavailable',
  message: string,
  cause?: unknown,
): HotplaneError {
  return baseError('HP_AGENT_SOCKET', message, { category, cause });
}

/** Whoever does not refuse a connection within the deadline is there. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const finish = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(LIMITS.vmm_call_ms, () => finish(true));
    socket.once('connect', () => finish(true));
    socket.once('error', () => finish(false));
  });
}

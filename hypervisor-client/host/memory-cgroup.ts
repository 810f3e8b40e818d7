/**
 * A memory limit of the host around one VMM process. Unplugged memory stays reachable for a hostile
 * guest, so what it may really hold is bounded from outside: plugged plus slack.
 */
import { mkdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, hostClock } from '../../base/clock.ts';
import { errnoOf } from '../../base/system-error.ts';
import { waitFor } from '../../base/wait.ts';
import { vmmError } from '../errors.ts';
import { VMM_LIMITS } from '../limits.ts';

/** Where the group of a VM is, below the folder that was delegated. */
export function groupPath(root: string, vm_id: string): string {
  return join(root, `hotplane-${vm_id}`);
}

/**
 * Else a guest beyond its limit would fill the host's swap, and its neighbours wait for the disk.
 * A kernel that does not account for swap has no such file, and then none is made.
 */
async function forbidSwap(path: string): Promise<void> {
  await writeFile(join(path, 'memory.swap.max'), '0', { flag: 'r+' }).catch((error: unknown) => {
    if (errnoOf(error) !== 'ENOENT') throw error;
  });
}

export class MemoryCgroup {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  /** Makes the group below `root` (cgroup v2, delegated) and moves the process in. */
  static async create(root: string, name: string, pid: number): Promise<MemoryCgroup> {
    const path = groupPath(root, name);
    try {
      // Not recursive: the root must be there, and in /proc Node would try for ever.
      await mkdir(path).catch((error: unknown) => {
        if (errnoOf(error) !== 'EEXIST') throw error;
      });
      await forbidSwap(path);
      await writeFile(join(path, 'cgroup.procs'), String(pid));
      return new MemoryCgroup(path);
    } catch (cause) {
      await rmdir(path).catch(() => undefined);
      throw vmmError('HP_VMM_CGROUP', `No memory limit for process ${pid} in ${path}.`, { cause });
    }
  }

  /** The group of a VM that an earlier owner started. */
  static at(path: string): MemoryCgroup {
    return new MemoryCgroup(path);
  }

  /**
   * `guest_bytes`: boot memory and everything that is, or may become, plugged. `slack_bytes`: what
   * the VMM itself may take on top.
   */
  async limit(guest_bytes: number, slack_bytes: number): Promise<void> {
    const bytes = guest_bytes + slack_bytes;
    try {
      await writeFile(join(this.#path, 'memory.max'), String(bytes));
    } catch (cause) {
      throw vmmError('HP_VMM_CGROUP', `memory.max of ${this.#path} cannot be set.`, { cause });
    }
  }

  /** The limit, where the kernel ended a process of the group for it; else, or unknown, null. */
  async overLimitBytes(): Promise<number | null> {
    const read = async (name: string): Promise<string> =>
      await readFile(join(this.#path, name), 'utf8').catch(() => '');
    const [, kills = '0'] = /^oom_kill (\d+)$/m.exec(await read('memory.events')) ?? [];
    const limit = (await read('memory.max')).trim();
    return kills !== '0' && /^\d+$/.test(limit) ? Number(limit) : null;
  }

  /**
   * After the end of the process, which is in its group for a moment longer than it can be seen; a
   * group that does not get empty within a bound is left.
   */
  async remove(clock: Clock = hostClock): Promise<void> {
    const gone = async (): Promise<true | null> => {
      try {
        await rmdir(this.#path);
      } catch (error) {
        if (errnoOf(error) === 'EBUSY') return null;
      }
      return true;
    };
    await waitFor(gone, { clock, deadline_ms: VMM_LIMITS.cgroup_empty_ms });
  }
}

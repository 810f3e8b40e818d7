/**
 * A memory limit of the host around one VMM process. Unplugged memory stays reachable for a hostile
 * guest, so what it may really hold is bounded from outside: plugged plus slack.
 */
import { mkdir, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '../../base/system-error.ts';
import { vmmError } from '../errors.ts';

export class MemoryCgroup {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  /** Makes the group below `root` (cgroup v2, delegated) and moves the process in. */
  static async create(root: string, name: string, pid: number): Promise<MemoryCgroup> {
    const path = join(root, `hotplane-${name}`);
    try {
      // Not recursive: the root must be there, and in /proc Node would try for ever.
      await mkdir(path).catch((error: unknown) => {
        if (errnoOf(error) !== 'EEXIST') throw error;
      });
      await writeFile(join(path, 'cgroup.procs'), String(pid));
      return new MemoryCgroup(path);
    } catch (cause) {
      throw vmmError('HP_VMM_CGROUP', `No memory limit for process ${pid} in ${path}.`, { cause });
    }
  }

  /** The group of a VM that is adopted. */
  static at(root: string, name: string): MemoryCgroup {
    return new MemoryCgroup(join(root, `hotplane-${name}`));
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

  /** After the end of the process; a group that is not empty yet is left. */
  async remove(): Promise<void> {
    await rmdir(this.#path).catch(() => undefined);
  }
}

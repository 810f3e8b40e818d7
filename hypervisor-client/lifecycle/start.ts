/** What the start of a VM takes under every VMM, whatever is started. */
import { messageOf } from '../../base/errors.ts';
import type { ProcessIdentity } from '../../base/process.ts';
import { vmmError } from '../errors.ts';
import { lastLines, readTail } from '../host/log-tail.ts';
import { groupPath, MemoryCgroup } from '../host/memory-cgroup.ts';
import { whyTapsAreOurs } from '../host/tap.ts';
import { ourUid } from '../../base/safe-path.ts';
import type { LaunchOptions, VmHandle, VmmKind, VmSpec } from '../vm.ts';
import { claimRunDir, writeHandle, writeIntent } from './run-dir.ts';
import { openRunDir, type UidRange, type VmmUser, VmmUsers } from './vmm-users.ts';

export interface VmStartsParts {
  readonly vmm: VmmKind;
  /** A delegated cgroup v2 folder with the memory controller; null: no limit. */
  readonly cgroup_root: string | null;
  /** Users of VMMs, one for each; absent or null: they run as whoever starts them. */
  readonly uids?: UidRange | null;
  /** Why this VMM cannot open a TAP device as another user; absent: it can. */
  readonly why_own_nics?: string;
  /** Told what works less well than asked for; default `process.emitWarning`. */
  readonly onWarning: ((text: string) => void) | undefined;
}

/** What a start makes before the VMM. */
interface Places {
  readonly sockets: readonly string[];
  /** Which the VMM may write. */
  readonly files: readonly string[];
  readonly makeTap?: LaunchOptions['makeTap'] | undefined;
}

export class VmStarts {
  readonly #parts: VmStartsParts;
  /** Run folders in which a VM is being started right now. */
  readonly #starting = new Set<string>();

  readonly #users: VmmUsers | null;

  constructor(parts: VmStartsParts) {
    this.#parts = parts;
    this.#users = parts.uids ? new VmmUsers(parts.uids) : null;
  }

  /**
   * Runs `start` in a run folder that is its own, in which the intent to start is written; `user`
   * is who the VMM is to run as (null: we), and may write `files` then, which are made anew. A TAP
   * device is made for him.
   */
  async in<T>(
    spec: VmSpec,
    places: Places,
    start: (user: VmmUser | null) => Promise<T>,
  ): Promise<T> {
    const { run_dir } = spec;
    if (this.#starting.has(run_dir)) {
      throw vmmError('HP_VMM_RUN_DIR_TAKEN', `A VM is being started in ${run_dir}.`);
    }
    this.#starting.add(run_dir);
    try {
      await claimRunDir(run_dir, places.sockets);
      const users = await this.#usersFor(spec, places);
      if (users) return await this.#inAs(users, spec, places, start);
      await writeIntent(this.#parts.vmm, spec);
      await places.makeTap?.(ourUid());
      return await start(null);
    } finally {
      this.#starting.delete(run_dir);
    }
  }

  /** Ours is a TAP device that is there, and any where others may not open one at all. */
  async #usersFor({ id, nic }: VmSpec, { makeTap }: Places): Promise<VmmUsers | null> {
    if (!this.#users || !nic) return this.#users;
    const why =
      this.#parts.why_own_nics ??
      (makeTap ? await whyTapsAreOurs() : 'the device was there before');
    if (why === null) return this.#users;
    this.warn(`VM ${id} has a network device, and its VMM runs as our user: ${why}.`);
    return null;
  }

  async #inAs<T>(
    users: VmmUsers,
    spec: VmSpec,
    { files, makeTap }: Places,
    start: (user: VmmUser) => Promise<T>,
  ): Promise<T> {
    return await users.with(spec.id, async (user) => {
      await writeIntent(this.#parts.vmm, spec, user);
      await openRunDir(spec.run_dir, user, files);
      await makeTap?.(user.uid);
      return await start(user);
    });
  }

  /** Writes down how to find the VM of a started process again. */
  async record(
    spec: VmSpec,
    { pid, start_ticks: pid_start_ticks }: ProcessIdentity,
    user: VmmUser | null,
  ): Promise<VmHandle> {
    const { vmm, cgroup_root } = this.#parts;
    const group = cgroup_root === null ? {} : { cgroup: groupPath(cgroup_root, spec.id) };
    const process = { vmm, pid, pid_start_ticks, ...user, ...group };
    const handle: VmHandle = { schema_version: 2, ...process, spec };
    await writeHandle(handle);
    return handle;
  }

  /**
   * The group around a new process, to be removed after its end; null, with a warning, where it can
   * be put into none. That no limit can be set is a warning, too.
   */
  async confine(
    { id }: VmSpec,
    pid: number,
    bytes: { readonly guest: number; readonly slack: number },
  ): Promise<MemoryCgroup | null> {
    const { cgroup_root } = this.#parts;
    if (cgroup_root === null) return null;
    let cgroup: MemoryCgroup | null = null;
    try {
      cgroup = await MemoryCgroup.create(cgroup_root, id, pid);
      await cgroup.limit(bytes.guest, bytes.slack);
    } catch (error) {
      this.warn(`VM ${id} runs without a memory limit: ${messageOf(error)}`);
    }
    return cgroup;
  }

  /** The limit around the process of a VM that is adopted: where it was made, not where now. */
  cgroupOf({ cgroup, spec }: VmHandle): MemoryCgroup | null {
    const { cgroup_root } = this.#parts;
    const path = cgroup ?? (cgroup_root === null ? null : groupPath(cgroup_root, spec.id));
    return path === null ? null : MemoryCgroup.at(path);
  }

  warn(text: string): void {
    const { onWarning } = this.#parts;
    if (onWarning) onWarning(text);
    else process.emitWarning(text, 'HotplaneWarning');
  }
}

/** HP_VMM_START_FAILED, with the last words of the VMM where it has any to say of it. */
export async function startFailed(
  { id }: VmSpec,
  what: string,
  by: { readonly stderr_path: string; readonly quotes: boolean; readonly cause?: unknown },
): Promise<Error> {
  const { stderr_path, quotes, cause } = by;
  const said = quotes ? lastLines(await readTail(stderr_path), 5) : '';
  const why = what.replace(/\.$/, '') + (said ? `: ${said}` : '');
  const message = `VM ${id} did not start: ${why}.`;
  return vmmError('HP_VMM_START_FAILED', message, { cause, details: { stderr_path } });
}

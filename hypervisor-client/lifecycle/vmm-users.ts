/**
 * A user and group of its own for the VMM of each VM, out of a range that the operator has set
 * apart: a guest that breaks out of its VMM is nobody then, and meets no other VM. It takes root.
 */
import { constants, statSync } from 'node:fs';
import { chmod, chown, open, readdir, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { vmmError } from '../errors.ts';
import { ourUid } from '../../base/safe-path.ts';

/** Numbers of users, and of groups of the same numbers, that nobody else has. */
export interface UidRange {
  readonly first: number;
  readonly count: number;
}

/** Who a VMM runs as. */
export interface VmmUser {
  readonly uid: number;
}

/** What is executed, as which words. */
export interface VmmCommand {
  readonly file: string;
  readonly arguments: readonly string[];
}

export class VmmUsers {
  readonly #range: UidRange;
  /** Taken for VMs that are being started: their processes cannot be seen yet. */
  readonly #starting = new Set<number>();

  constructor(range: UidRange) {
    this.#range = range;
  }

  /**
   * Runs `start` with a user whom no process of the host has. Which one hangs on the name of the
   * VM, so that the user of a VM that ended is taken late again. Throws HP_VMM_NO_USER.
   */
  async with<T>(vm_id: string, start: (user: VmmUser) => Promise<T>): Promise<T> {
    const user = this.#take(vm_id, await usedUids());
    try {
      return await start(user);
    } finally {
      this.#starting.delete(user.uid);
    }
  }

  #take(vm_id: string, used: ReadonlySet<number>): VmmUser {
    const { first, count } = this.#range;
    const number = Number(/(\d{1,15})$/.exec(vm_id)?.[1] ?? 0);
    for (let tried = 0; tried < count; tried += 1) {
      const uid = first + ((number + tried) % count);
      if (used.has(uid) || this.#starting.has(uid)) continue;
      this.#starting.add(uid);
      return { uid };
    }
    const message = `VM ${vm_id} got no user of its own: all ${count} from ${first} on have processes.`;
    throw vmmError('HP_VMM_NO_USER', message, { details: { first, count } });
  }
}

/** Users of all processes of the host. */
async function usedUids(): Promise<Set<number>> {
  const uids = new Set<number>();
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  for (const pid of pids) {
    const facts = await stat(`/proc/${pid}`).catch(() => null);
    if (facts) uids.add(facts.uid);
  }
  return uids;
}

/**
 * The command as that user, who gets no right back by executing anything, and of other groups only
 * that of /dev/kvm. setpriv(1) becomes the command: the process stays the same.
 */
export function commandAs(user: VmmUser | null, command: VmmCommand): VmmCommand {
  if (!user) return command;
  const kvm = gidOfKvm();
  const id = String(user.uid);
  const groups = kvm === null ? ['--clear-groups'] : ['--groups', String(kvm)];
  const ids = ['--reuid', id, '--regid', id, ...groups];
  const rights = ['--inh-caps', '-all', '--no-new-privs'];
  const words = [...ids, ...rights, '--', command.file, ...command.arguments];
  return { file: 'setpriv', arguments: words };
}

/** Null: there is none, or it is root's own. */
function gidOfKvm(): number | null {
  try {
    const { gid } = statSync('/dev/kvm');
    return gid === 0 ? null : gid;
  } catch {
    return null;
  }
}

/**
 * Lets the user make files in the run folder, and write `files`, which are made anew. Nothing there
 * that is not his can he take away or replace: the folder and these files stay ours.
 */
export async function openRunDir(
  run_dir: string,
  { uid }: VmmUser,
  files: readonly string[],
): Promise<void> {
  for (const path of files) {
    await rm(path, { force: true });
    const flags = constants.O_CREAT + constants.O_EXCL + constants.O_WRONLY;
    await using file = await open(path, flags, 0o600);
    await file.chown(ourUid(), uid);
    await file.chmod(0o660);
  }
  await chown(run_dir, ourUid(), uid);
  await chmod(run_dir, 0o1770);
}

/**
 * The folders, from `path` up, that others may not pass by their modes: a VMM of a user of its own
 * finds nothing below them. One that is not there yet is no trouble.
 */
export async function closedFolders(path: string): Promise<readonly string[]> {
  const closed: string[] = [];
  for (let place = path; ; place = dirname(place)) {
    const facts = await stat(place).catch(() => null);
    if (facts?.isDirectory() && (facts.mode & constants.S_IXOTH) === 0) closed.push(place);
    if (place === dirname(place)) return closed;
  }
}

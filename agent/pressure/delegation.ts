/**
 * Whether VMMs can be put into cgroups below a folder that somebody has delegated to us
 * (Documentation/admin-guide/cgroup-v2.rst, Delegation).
 */
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf } from '../../base/system-error.ts';
import { ourName } from '../../base/users.ts';
import { ownGroup } from './host-memory.ts';

const CONTROLLERS = 'cgroup.controllers';
const PROCESSES = 'cgroup.procs';

/** What is in the way of it, for people; null: nothing. */
export function whyNotDelegated(dir: string, paths: { readonly proc: string }): string | null {
  if (!existsSync(dir)) return 'it is not there';
  if (!existsSync(join(dir, CONTROLLERS))) return 'it is no folder of cgroup v2';
  if (!namesMemory(dir, CONTROLLERS)) return 'it was not given the memory controller';
  if (!namesMemory(dir, 'cgroup.subtree_control')) return 'its cgroup.subtree_control lacks memory';
  for (const path of [dir, join(dir, PROCESSES)]) {
    const why = whyNotWritten(path);
    if (why !== null) return why;
  }
  return whyNotMoved(dir, paths);
}

/** The kernel lets a process move only who may write the folder above both groups. */
function whyNotMoved(dir: string, paths: { readonly proc: string }): string | null {
  const own = ownGroup(paths);
  if (own === null) return null;
  const above = commonFolder(own, dir);
  const why = existsSync(join(above, PROCESSES)) ? whyNotWritten(join(above, PROCESSES)) : null;
  return why === null ? null : `no process can be moved to it from ${own}, where we are: ${why}`;
}

/** The deepest folder that both are in, or are. Pure. */
export function commonFolder(one: string, other: string): string {
  const [parts, others] = [one.split('/'), other.split('/')];
  const end = parts.findIndex((part, at) => part !== others[at]);
  return parts.slice(0, end < 0 ? parts.length : end).join('/') || '/';
}

function namesMemory(dir: string, file: string): boolean {
  try {
    return readFileSync(join(dir, file), 'utf8').split(/\s+/).includes('memory');
  } catch {
    return false;
  }
}

function whyNotWritten(path: string): string | null {
  try {
    accessSync(path, constants.W_OK);
    return null;
  } catch (error) {
    return errnoOf(error) === 'EROFS'
      ? `${path} is mounted read-only`
      : `${ourName()} may not write ${path}`;
  }
}

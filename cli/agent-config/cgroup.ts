/** Where VMs get memory limits of their own, and what is said of it. */
import { resolve } from 'node:path';
import { agentError } from '../../agent/model/errors.ts';
import { whyNotDelegated } from '../../agent/pressure/delegation.ts';
import { findVmGroup, passControllersOn } from '../../agent/pressure/vm-group.ts';
import type { Values } from '../values.ts';

const PATHS = { proc: '/proc' };

export interface Cgroup {
  /** The folder of VMs; null: they have no limits. */
  readonly root: string | null;
  /** Why there is none although one was looked for; null: none was, or it was found. */
  readonly why: string | null;
}

/**
 * What `cgroup` says: `off`, a folder, or `auto`, for which the agent may move itself. Throws
 * HP_AGENT_CGROUP when a folder that is named cannot hold VMMs.
 */
export function cgroupOf(values: Values, paths = PATHS): Cgroup {
  const named = values.text('cgroup');
  if (named === 'off') return { root: null, why: null };
  if (named === 'auto') {
    const found = findVmGroup(paths);
    return 'dir' in found ? { root: found.dir, why: null } : { root: null, why: found.why };
  }
  const root = resolve(named);
  passControllersOn(root);
  // Told before anything starts, and not once for every VM.
  const trouble = whyNotDelegated(root, paths);
  if (trouble === null) return { root, why: null };
  throw agentError('HP_AGENT_CGROUP', `--cgroup ${root} cannot hold VMMs: ${trouble}.`);
}

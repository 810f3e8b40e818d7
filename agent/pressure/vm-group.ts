/**
 * The cgroup v2 folder of VMs where nobody names one: beside the agent's own group, as the unit of
 * a service has it, or inside, where the agent is alone in a group that it was given.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { messageOf } from '../../base/errors.ts';
import { errnoOf } from '../../base/system-error.ts';
import { whyNotDelegated } from './delegation.ts';
import { ownGroup } from './host-memory.ts';

export interface GroupPaths {
  readonly proc: string;
}

/** A folder that can hold VMMs, or what is in the way, for people. */
export type VmGroup = { readonly dir: string } | { readonly why: string };

const AGENT = 'agent';
const VMS = 'vms';

/**
 * Finds it, and makes it where that is ours to do: the group whose name has `vms` where ours has
 * `agent` (`hotplane-vms.service` of `hotplane-agent.service`); else `vms` in our own group, whose
 * only process moves to `agent` there. The controllers that VMs are bounded by are passed on to it.
 */
export function findVmGroup(paths: GroupPaths, pid = process.pid): VmGroup {
  const own = ownGroup(paths);
  if (own === null) return { why: 'there is no cgroup v2' };
  try {
    const dir = besideOf(own) ?? insideOf(own, pid);
    makeGroup(dir);
    const why = whyNotDelegated(dir, paths);
    return why === null ? { dir } : { why: `${dir}: ${why}` };
  } catch (error) {
    return { why: messageOf(error) };
  }
}

/** For a limit of each VM, and for a VM that is to run behind the others. */
const CONTROLLERS = ['memory', 'cpu'] as const;

/** Has a group that we may write pass on to groups in it what it was given. Never throws. */
export function passControllersOn(dir: string): void {
  const control = join(dir, 'cgroup.subtree_control');
  for (const name of CONTROLLERS) {
    try {
      if (lists(control, name) || !lists(join(dir, 'cgroup.controllers'), name)) continue;
      writeFileSync(control, `+${name}`, { flag: 'a' });
    } catch {
      // What is lacking is told by whoever looks.
    }
  }
}

/**
 * Null: there is none. It is made only where we were put into a subgroup `agent`, as systemd does
 * it with DelegateSubgroup=: any other group above us is somebody else's.
 */
function besideOf(own: string): string | null {
  const name = basename(own);
  if (name === AGENT) {
    passControllersOn(dirname(own));
    return join(dirname(own), VMS);
  }
  const dir = join(dirname(own), name.replace(AGENT, VMS));
  return name.includes(AGENT) && existsSync(dir) ? dir : null;
}

/** Throws what the system throws, and where it is not ours alone. */
function insideOf(own: string, pid: number): string {
  if (!lists(join(own, 'cgroup.controllers'), 'memory')) {
    throw new Error(`${own} was not given the memory controller`);
  }
  const others = readFileSync(join(own, 'cgroup.procs'), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && line !== String(pid));
  if (others.length > 0) throw new Error(`${own} has processes that are none of ours`);
  makeGroup(join(own, AGENT));
  writeFileSync(join(own, AGENT, 'cgroup.procs'), String(pid));
  passControllersOn(own);
  return join(own, VMS);
}

function makeGroup(dir: string): void {
  try {
    mkdirSync(dir);
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
  }
  passControllersOn(dir);
}

const lists = (path: string, word: string): boolean =>
  readFileSync(path, 'utf8').split(/\s+/).includes(word);

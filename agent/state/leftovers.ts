/**
 * VMs of an agent that is gone. They are ended, not taken over: their instances' invocations died
 * with the agent, so nobody waits for them. None is left without a line in the log.
 */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { LIMITS } from '../../base/limits.ts';
import { readHandle } from '../../hypervisor-client/run-dir.ts';
import type { Hypervisor, VmHandle } from '../../hypervisor-client/vm.ts';
import { refusalOf } from '../executor/failure.ts';

export interface Leftovers {
  /** VMs that were found alive and ended. */
  readonly ended: readonly string[];
  /** VMs that are there and could not be ended: reported, their folders kept. */
  readonly remaining: readonly string[];
  /** The first number no earlier VM of this folder used. */
  readonly first_id: number;
}

/** `openDriver` opens the driver a handle names: it may be another one than today's. */
export async function endLeftovers(
  vms_dir: string,
  openDriver: (vmm: VmHandle['vmm']) => Promise<Hypervisor>,
  log: Logger,
): Promise<Leftovers> {
  const names = await readdir(vms_dir).catch(() => []);
  const ended: string[] = [];
  const remaining: string[] = [];
  for (const name of names) {
    const handle = await readHandle(join(vms_dir, name));
    if (!handle) continue;
    try {
      const vm = await (await openDriver(handle.vmm)).adopt(handle);
      await vm.shutdown();
      ended.push(name);
      log.warn({ vm: name, pid: handle.pid }, 'ended a VM that an earlier agent left running');
    } catch (error) {
      const failure = refusalOf(error);
      if (failure.code === 'HP_VMM_GONE') continue;
      remaining.push(name);
      log.error({ vm: name, pid: handle.pid, err: failure }, 'a VM of an earlier agent remains');
    }
  }
  const first_id = firstFreeId(names);
  await dropOldConsoles(vms_dir, new Set(remaining), names);
  return { ended, remaining, first_id };
}

/** Folders of failed VMs keep their consoles, but not without end. */
async function dropOldConsoles(
  vms_dir: string,
  alive: ReadonlySet<string>,
  names: readonly string[],
): Promise<void> {
  const dead = names.filter((name) => numberOf(name) > 0 && !alive.has(name));
  const newest_first = dead.toSorted((a, b) => numberOf(b) - numberOf(a));
  for (const name of newest_first.slice(LIMITS.vm_folders_kept)) {
    await rm(join(vms_dir, name), { recursive: true, force: true });
  }
}

/** The number in `vm<number>`, 0 for another name. */
function numberOf(name: string): number {
  return Number(/^vm(\d{1,9})$/.exec(name)?.[1] ?? 0);
}

/** Folders are `vm<number>`; numbers of earlier agents are not used again. */
function firstFreeId(names: readonly string[]): number {
  let highest = 0;
  for (const name of names) {
    highest = Math.max(highest, numberOf(name));
  }
  return highest + 1;
}

/**
 * VMs of an agent that is gone, and that no rows tell of: nobody can take them over, so they are
 * ended. Each is known by its process (program, user, run folder
 * on its command line), whatever state it or the files in its folder are in; none is left without a
 * line in the log, and what cannot be ended is in the book.
 */
import { lstat, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { type Clock, hostClock } from '../../base/clock.ts';
import { namesIn } from '../../base/files.ts';
import { AGENT_LIMITS } from '../limits.ts';
import { OWNER_FILE } from '../../base/owned-folder.ts';
import { ourUid } from '../../base/safe-path.ts';
import {
  type HostProcess,
  namesFolder,
  ourProcesses,
  residentBytesOf,
} from '../../hypervisor-client/host/host-process.ts';
import { MemoryCgroup } from '../../hypervisor-client/host/memory-cgroup.ts';
import { removeOldTaps } from '../../hypervisor-client/host/tap.ts';
import { isAlive, type ProcessIdentity } from '../../base/process.ts';
import { endVmm } from '../../hypervisor-client/lifecycle/end-vmm.ts';
import { cleanRunDir, readHandle, readIntent } from '../../hypervisor-client/lifecycle/run-dir.ts';
import type { Hypervisor, VmHandle } from '../../hypervisor-client/vm.ts';
import type { EarlierVm } from '../model/state.ts';
import { refusalOf } from '../model/failure.ts';

export interface Leftovers {
  /** VMs that were found alive and ended. */
  readonly ended: readonly string[];
  /** VMs that are there and could not be ended: reported, booked, their folders kept. */
  readonly remaining: readonly EarlierVm[];
  /** The first number no earlier VM of this folder used. */
  readonly first_id: number;
}

export interface LeftoverOptions {
  readonly vms_dir: string;
  /** Every driver there is: an earlier agent may have used another one than today's. */
  readonly drivers: readonly Hypervisor[];
  readonly log: Logger;
  /** VMs that go on and are left alone. */
  readonly living?: ReadonlySet<string>;
  readonly clock?: Clock;
  /** Ends a process by force; tests have one that cannot. */
  readonly end?: (process: ProcessIdentity, clock: Clock, grace_ms: number) => Promise<void>;
}

/** All at once, each within a bound: a VM that does not answer delays nobody. */
export async function endLeftovers(options: LeftoverOptions): Promise<Leftovers> {
  const { vms_dir, drivers } = options;
  const names = await namesIn(vms_dir);
  const others = await usersIn(vms_dir, names);
  const vmms = (await ourProcesses(others)).filter((one) =>
    drivers.some((driver) => driver.runs(one)),
  );
  const { living } = options;
  const dead = names.filter((name) => living?.has(name) !== true);
  const folders = await Promise.all(dead.map((name) => lookAt(vms_dir, name, vmms, options)));
  const ours = folders.filter((folder) => folder !== null);
  const ends = await Promise.all(ours.map((folder) => endFolder(folder, options)));
  const remaining = ends.flatMap((end) => end.remaining);
  const kept = new Set(remaining.map(({ id }) => id));
  await dropOldTaps(options);
  await dropOldConsoles(
    vms_dir,
    ours.map(({ name }) => name).filter((name) => !kept.has(name)),
  );
  return {
    ended: ours.flatMap(({ name }, at) => (ends[at]?.ended ? [name] : [])),
    remaining,
    first_id: firstFreeId(names),
  };
}

/** Users other than ours that VMMs of these folders run as, by what we have written there. */
async function usersIn(vms_dir: string, names: readonly string[]): Promise<ReadonlySet<number>> {
  const uids = new Set<number>();
  for (const name of names) {
    const run_dir = join(vms_dir, name);
    const facts = await lstat(run_dir).catch(() => null);
    if (!facts?.isDirectory() || facts.uid !== ourUid()) continue;
    for (const read of [readHandle, readIntent]) {
      const { uid } = (await read(run_dir).catch(() => null)) ?? {};
      if (uid !== undefined) uids.add(uid);
    }
  }
  return uids;
}

/** Also under a VMM that could not be ended: its addresses are given to others. */
async function dropOldTaps({ vms_dir, living, log }: LeftoverOptions): Promise<void> {
  try {
    const numbers = new Set([...(living ?? [])].map(numberOf));
    for (const tap of await removeOldTaps(vms_dir, numbers)) {
      log.warn({ tap }, 'removed the network device of a VM that an earlier agent left');
    }
  } catch (error) {
    log.error({ err: refusalOf(error) }, 'network devices of an earlier agent remain');
  }
}

interface Folder {
  readonly name: string;
  readonly run_dir: string;
  /** What was written about the VM, or null when nothing can be understood. */
  readonly handle: VmHandle | null;
  /** Of the VM's ordinary memory, where it is known. */
  readonly boot_bytes: number;
  readonly processes: readonly HostProcess[];
}

async function lookAt(
  vms_dir: string,
  name: string,
  vmms: readonly HostProcess[],
  { log }: LeftoverOptions,
): Promise<Folder | null> {
  if (name === OWNER_FILE) return null;
  const run_dir = join(vms_dir, name);
  const facts = await lstat(run_dir);
  if (!facts.isDirectory() || facts.uid !== ourUid()) {
    log.warn({ path: run_dir }, 'something in the state folder is no folder of ours: left alone');
    return null;
  }
  const handle = await readHandle(run_dir).catch(() => null);
  const spec = handle?.spec ?? (await readIntent(run_dir).catch(() => null))?.spec;
  const processes = vmms.filter((one) => namesFolder(one, run_dir));
  if (handle && !processes.some(({ pid }) => pid === handle.pid)) {
    const named = { pid: handle.pid, start_ticks: handle.pid_start_ticks };
    if (await isAlive(named)) {
      log.warn({ vm: name, pid: handle.pid }, 'a handle names a process that is not its VMM: left');
    }
  }
  return { name, run_dir, handle, boot_bytes: spec?.boot_bytes ?? 0, processes };
}

async function endFolder(
  folder: Folder,
  options: LeftoverOptions,
): Promise<{ readonly ended: boolean; readonly remaining: readonly EarlierVm[] }> {
  const { name, run_dir, processes } = folder;
  const { log } = options;
  const remaining: EarlierVm[] = [];
  for (const process of processes) {
    try {
      await endOne(process, folder, options);
      log.warn({ vm: name, pid: process.pid }, 'ended a VM that an earlier agent left running');
    } catch (error) {
      const bytes = Math.max((await residentBytesOf(process.pid)) ?? 0, folder.boot_bytes);
      remaining.push({ id: name, pid: process.pid, bytes });
      const about = { vm: name, pid: process.pid, bytes, err: refusalOf(error) };
      log.error(about, 'a VM of an earlier agent remains; its memory counts against the limit');
    }
  }
  try {
    if (remaining.length === 0) await dropFolder(folder, options);
  } catch (error) {
    log.warn({ path: run_dir, err: refusalOf(error) }, 'a run folder could not be cleaned');
  }
  return { ended: processes.length > 0 && remaining.length === 0, remaining };
}

/** Politely where its handle is whole and it answers; then by signals. */
async function endOne(
  process: HostProcess,
  { handle }: Folder,
  { drivers, clock = hostClock, end = endVmm }: LeftoverOptions,
): Promise<void> {
  const driver = drivers.find((one) => one.kind === handle?.vmm);
  if (handle && driver && handle.pid === process.pid) {
    const polite = async (): Promise<void> => await (await driver.adopt(handle)).shutdown();
    const limit = new AbortController();
    const late = clock.sleep(AGENT_LIMITS.leftover_polite_ms, limit.signal);
    await Promise.race([polite(), late]).catch(() => undefined);
    limit.abort();
    await late.catch(() => undefined);
  }
  await end(process, clock, AGENT_LIMITS.leftover_signal_ms);
}

/** What was made for a VM that is over: nobody else removes it. */
async function dropFolder({ run_dir, handle }: Folder, options: LeftoverOptions): Promise<void> {
  const { cgroup } = handle ?? {};
  if (cgroup !== undefined) await MemoryCgroup.at(cgroup).remove(options.clock);
  await cleanRunDir(run_dir, await socketsIn(run_dir));
}

async function socketsIn(run_dir: string): Promise<string[]> {
  const names = await readdir(run_dir);
  return names.filter((name) => /\.sock(\.lock)?$/.test(name)).map((name) => join(run_dir, name));
}

/** Removes the oldest folders of VMs that are not there any more, beyond those that are kept. */
export async function trimFolders(vms_dir: string, present: ReadonlySet<string>): Promise<void> {
  const names = await readdir(vms_dir);
  await dropOldConsoles(
    vms_dir,
    names.filter((name) => !present.has(name)),
  );
}

/** Folders of failed VMs keep their consoles, but not without end. `dead`: no process is there. */
async function dropOldConsoles(vms_dir: string, dead: readonly string[]): Promise<void> {
  const numbered = dead.filter((name) => numberOf(name) > 0);
  const newest_first = numbered.toSorted((a, b) => numberOf(b) - numberOf(a));
  for (const name of newest_first.slice(AGENT_LIMITS.vm_folders_kept)) {
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

/** The cgroups (version 2) of the test's machine, as an operator makes them for an agent. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MIB } from '../../../base/units.ts';

const MOUNT = '/sys/fs/cgroup';

/** Agent, VMs and the test share one limit, as the services of a slice do. */
export const HOST = join(MOUNT, 'host');
export const AGENT = join(HOST, 'agent');
export const VMS = join(HOST, 'vms');
export const TEST = join(HOST, 'test');

export function makeGroups(limit_bytes: number): void {
  for (const [group, parent] of [
    [HOST, MOUNT],
    [AGENT, HOST],
    [VMS, HOST],
    [TEST, HOST],
  ] as const) {
    writeFileSync(join(parent, 'cgroup.subtree_control'), '+memory');
    mkdirSync(group);
  }
  writeFileSync(join(VMS, 'cgroup.subtree_control'), '+memory');
  writeFileSync(join(HOST, 'memory.max'), String(limit_bytes));
}

/** Whoever calls it, and what he starts, is charged there. */
export function enter(group: string): void {
  writeFileSync(join(group, 'cgroup.procs'), String(process.pid));
}

const numberIn = (path: string): number => Number(readFileSync(path, 'utf8').trim());

/** Groups of VMs that are there. */
export function vmGroups(): readonly string[] {
  return readdirSync(VMS, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .toSorted();
}

/** Limit and use of a VM's group; null: there is none. */
export function fenceOf(
  vm_id: string,
): { readonly max_mib: number; readonly used_mib: number } | null {
  const path = join(VMS, `hotplane-${vm_id}`);
  if (!existsSync(path)) return null;
  const mib = (file: string): number => Math.round(numberIn(join(path, file)) / MIB);
  return { max_mib: mib('memory.max'), used_mib: mib('memory.current') };
}

/** The cgroups (version 2) of the test's machine, as an operator makes them for an agent. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MIB } from '../../../base/units.ts';

const MOUNT = '/sys/fs/cgroup';

/** Agent, VMs and hog share one limit, as the services of one slice do. */
export const HOST = join(MOUNT, 'host');
export const AGENT = join(HOST, 'agent');
export const VMS = join(HOST, 'vms');
export const HOG = join(HOST, 'hog');

export function makeGroups(limit_bytes: number): void {
  for (const [group, parent] of [
    [HOST, MOUNT],
    [AGENT, HOST],
    [VMS, HOST],
    [HOG, HOST],
  ] as const) {
    writeFileSync(join(parent, 'cgroup.subtree_control'), '+memory');
    mkdirSync(group);
  }
  writeFileSync(join(VMS, 'cgroup.subtree_control'), '+memory');
  limit(limit_bytes);
}

export function limit(bytes: number): void {
  writeFileSync(join(HOST, 'memory.max'), String(bytes));
}

/** Whoever calls it, and what he starts, is charged there. */
export function enter(group: string): void {
  writeFileSync(join(group, 'cgroup.procs'), String(process.pid));
}

const numberIn = (path: string): number => Number(readFileSync(path, 'utf8').trim());

/** A figure of a file that has one a line, like memory.events. */
export function figureOf(group: string, file: string, name: string): number {
  const text = readFileSync(join(group, file), 'utf8');
  return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1] ?? Number.NaN);
}

/** As the agent reckons it: what can be dropped is free. */
export function availableMib(): number {
  const used_bytes = numberIn(join(HOST, 'memory.current'));
  const file_bytes = figureOf(HOST, 'memory.stat', 'inactive_file');
  return Math.round((numberIn(join(HOST, 'memory.max')) - used_bytes + file_bytes) / MIB);
}

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

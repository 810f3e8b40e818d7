/**
 * How much memory this process, and what it starts, can have: the least of what the host has and of
 * every memory cgroup around it (Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst).
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DEVICE_BLOCK_BYTES, MIB } from '../../base/units.ts';

export interface HostMemory {
  readonly total_bytes: number;
  /** The least limit of our cgroup and of all above it; null: none. */
  readonly cgroup_bytes: number | null;
  /** The least of both. */
  readonly usable_bytes: number;
}

export interface HostMemoryPaths {
  readonly proc: string;
  /** The cgroup v2 folder of VMMs, where it is not above us: what limits it limits them. */
  readonly vms?: string | null;
}

/** A group that limits memory: its folder, and which files of it tell. */
interface LimitingGroup {
  readonly folder: string;
  readonly is_v2: boolean;
}

/** A v1 group without a limit says the largest page-aligned number; no host has that much. */
const NO_LIMIT_BYTES = 2 ** 62;

/** Throws what the system throws when /proc cannot be read; a cgroup that cannot is no limit. */
export function readHostMemory(paths: HostMemoryPaths = { proc: '/proc' }): HostMemory {
  const total_bytes = parseMemTotal(readFileSync(join(paths.proc, 'meminfo'), 'utf8'));
  const limits = groupsAround(paths).flatMap(({ folder, is_v2 }) => {
    const file = is_v2 ? 'memory.max' : 'memory.limit_in_bytes';
    return parseLimit(readOr(join(folder, file))) ?? [];
  });
  const cgroup_bytes = limits.length === 0 ? null : Math.min(...limits);
  return {
    total_bytes,
    cgroup_bytes,
    usable_bytes: Math.min(total_bytes, cgroup_bytes ?? total_bytes),
  };
}

/** From `MemTotal: 24689764 kB`. Pure. */
function parseMemTotal(text: string): number {
  const [, kib] = /^MemTotal: +(\d+) kB$/m.exec(text) ?? [];
  if (kib === undefined) throw new Error('/proc/meminfo does not tell MemTotal');
  return Number(kib) * 1024;
}

interface Hierarchy {
  /** Where it is mounted, and which of its groups is at that place. */
  readonly mount: string;
  readonly root: string;
  readonly is_v2: boolean;
  /** The group of this process, as an absolute path inside the hierarchy. */
  readonly group: string;
}

/** Every group around this process, and around its VMMs. */
export function groupsAround({ proc, vms = null }: HostMemoryPaths): LimitingGroup[] {
  const cgroup = readOr(join(proc, 'self/cgroup'));
  const mounts = readOr(join(proc, 'self/mountinfo'));
  const groups: LimitingGroup[] = [];
  for (const { mount, root, is_v2, group } of hierarchiesOf(cgroup, mounts)) {
    for (const inside of groupsUpwards(group, root)) {
      groups.push({ folder: join(mount, inside), is_v2 });
    }
  }
  for (let at = vms; at !== null && existsSync(join(at, 'cgroup.controllers')); at = dirname(at)) {
    groups.push({ folder: at, is_v2: true });
  }
  return groups;
}

function readOr(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** The folder of this process's group of version 2; null: it is in none that can be seen. */
export function ownGroup({ proc }: HostMemoryPaths): string | null {
  const cgroup = readOr(join(proc, 'self/cgroup'));
  const mounts = readOr(join(proc, 'self/mountinfo'));
  const own = hierarchiesOf(cgroup, mounts).find(({ is_v2 }) => is_v2);
  const [inside] = own ? groupsUpwards(own.group, own.root) : [];
  return own && inside !== undefined ? join(own.mount, inside) : null;
}

/** The memory hierarchies this process is in: v1's own one, v2, or both. Pure. */
export function hierarchiesOf(cgroup: string, mountinfo: string): Hierarchy[] {
  const found: Hierarchy[] = [];
  for (const line of cgroup.split('\n')) {
    const [, id, controllers, group] = /^(\d+):([^:]*):(.*)$/.exec(line) ?? [];
    if (group === undefined || controllers === undefined) continue;
    const v2 = id === '0' && controllers === '';
    if (!v2 && !controllers.split(',').includes('memory')) continue;
    const place = mountOf(mountinfo, v2);
    if (place) found.push({ ...place, is_v2: v2, group });
  }
  return found;
}

function mountOf(mountinfo: string, v2: boolean): { mount: string; root: string } | null {
  for (const line of mountinfo.split('\n')) {
    const [before = '', after = ''] = line.split(' - ');
    const [, , , root, mount] = before.split(' ');
    const [type, , options = ''] = after.split(' ');
    if (root === undefined || mount === undefined) continue;
    const ours = v2
      ? type === 'cgroup2'
      : type === 'cgroup' && options.split(',').includes('memory');
    if (ours) return { mount: unescape(mount), root: unescape(root) };
  }
  return null;
}

/** Blanks and the like are octal in mountinfo. */
function unescape(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}

/**
 * The group and all above it, as paths below the mount; a group that is not there counts as its
 * root. Pure.
 */
export function groupsUpwards(group: string, root: string): string[] {
  const below =
    root === '/' ? group : group.startsWith(`${root}/`) ? group.slice(root.length) : '/';
  const parts = below.split('/').filter((part) => part !== '' && part !== '..');
  return Array.from(
    { length: parts.length + 1 },
    (_, index) => `/${parts.slice(0, parts.length - index).join('/')}`,
  );
}

/** Bytes, or null for `max`, for v1's "no limit" and for what is no number. Pure. */
export function parseLimit(text: string): number | null {
  if (!/^\d+\s*$/.test(text)) return null;
  const bytes = Number(text);
  return bytes >= NO_LIMIT_BYTES ? null : bytes;
}

/** What the host itself, and the agent, keep of what there is: a twentieth, at least 256 MiB. */
export function usualKeepBytes(usable_bytes: number): number {
  return Math.min(Math.ceil(usable_bytes / 2), Math.max(256 * MIB, Math.ceil(usable_bytes / 20)));
}

/** The default host limit: what is usable less the reserve, in whole device blocks. */
export function defaultLimitBytes({ usable_bytes }: HostMemory): number {
  const left_bytes = usable_bytes - usualKeepBytes(usable_bytes);
  return Math.max(
    DEVICE_BLOCK_BYTES,
    Math.floor(left_bytes / DEVICE_BLOCK_BYTES) * DEVICE_BLOCK_BYTES,
  );
}

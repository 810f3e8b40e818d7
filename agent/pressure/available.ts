/**
 * What the host can still give: MemAvailable, the room in every memory cgroup around us, and how
 * much tasks wait for memory (Documentation/accounting/psi.rst).
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { HostMemoryTold } from '../model/pressure.ts';
import { groupsUpwards, hierarchiesOf, type HostMemoryPaths, parseLimit } from './host-memory.ts';

export type HostAvailable = Omit<HostMemoryTold, 'resident_bytes'>;

/** Null where /proc does not tell; a cgroup or PSI that cannot be read is none. */
export function readAvailable(paths: HostMemoryPaths = { proc: '/proc' }): HostAvailable | null {
  const available_bytes = kibOf(readOr(join(paths.proc, 'meminfo')), 'MemAvailable');
  if (available_bytes === null) return null;
  const psi = readOr(join(paths.proc, 'pressure/memory'));
  return {
    available_bytes: Math.min(available_bytes, ...roomInGroups(paths.proc)),
    some_percent: avg10Of(psi, 'some'),
    full_percent: avg10Of(psi, 'full'),
  };
}

/** From `MemAvailable:   9652764 kB`. Pure. */
function kibOf(text: string, name: string): number | null {
  const [, kib] = new RegExp(`^${name}: +(\\d+) kB$`, 'm').exec(text) ?? [];
  return kib === undefined ? null : Number(kib) * 1024;
}

/** From `some avg10=1.53 avg60=0.20 ...`, in percent. Pure. */
function avg10Of(text: string, line: 'some' | 'full'): number | null {
  const [, percent] = new RegExp(`^${line} avg10=([\\d.]+) `, 'm').exec(text) ?? [];
  return percent === undefined ? null : Number(percent);
}

/** What each group that has a limit lacks of it; file pages that can be dropped count as free. */
function roomInGroups(proc: string): number[] {
  const cgroup = readOr(join(proc, 'self/cgroup'));
  const mounts = readOr(join(proc, 'self/mountinfo'));
  const rooms: number[] = [];
  for (const { mount, root, file, group } of hierarchiesOf(cgroup, mounts)) {
    const used_file = file === 'memory.max' ? 'memory.current' : 'memory.usage_in_bytes';
    const dropped = file === 'memory.max' ? 'inactive_file' : 'total_inactive_file';
    for (const inside of groupsUpwards(group, root)) {
      const limit_bytes = parseLimit(readOr(join(mount, inside, file)));
      const used_bytes = parseLimit(readOr(join(mount, inside, used_file)));
      if (limit_bytes === null || used_bytes === null) continue;
      const stat = readOr(join(mount, inside, 'memory.stat'));
      const [, file_bytes = '0'] = new RegExp(`^${dropped} (\\d+)$`, 'm').exec(stat) ?? [];
      rooms.push(Math.max(0, limit_bytes - used_bytes + Number(file_bytes)));
    }
  }
  return rooms;
}

function readOr(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

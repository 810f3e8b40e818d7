/**
 * What the host can still give: MemAvailable, the room in every memory cgroup around us, and how
 * much tasks wait for memory (Documentation/accounting/psi.rst).
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { HostMemoryTold } from '../model/pressure.ts';
import { groupsAround, type HostMemoryPaths, parseLimit } from './host-memory.ts';

/** Limit, use, and what of memory.stat can be dropped, of both versions. */
const FILES_1 = ['memory.limit_in_bytes', 'memory.usage_in_bytes', 'total_inactive_file'] as const;
const FILES_2 = ['memory.max', 'memory.current', 'inactive_file'] as const;

export type HostAvailable = Omit<HostMemoryTold, 'resident_bytes'>;

/** Null where /proc does not tell; a cgroup or PSI that cannot be read is none. */
export function readAvailable(paths: HostMemoryPaths = { proc: '/proc' }): HostAvailable | null {
  const available_bytes = kibOf(readOr(join(paths.proc, 'meminfo')), 'MemAvailable');
  if (available_bytes === null) return null;
  const psi = readOr(join(paths.proc, 'pressure/memory'));
  return {
    available_bytes: Math.min(available_bytes, ...roomInGroups(paths)),
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
function roomInGroups(paths: HostMemoryPaths): number[] {
  const rooms: number[] = [];
  for (const { folder, is_v2 } of groupsAround(paths)) {
    const [limit, used, dropped] = is_v2 ? FILES_2 : FILES_1;
    const limit_bytes = parseLimit(readOr(join(folder, limit)));
    const used_bytes = parseLimit(readOr(join(folder, used)));
    if (limit_bytes === null || used_bytes === null) continue;
    const stat = readOr(join(folder, 'memory.stat'));
    const [, file_bytes = '0'] = new RegExp(`^${dropped} (\\d+)$`, 'm').exec(stat) ?? [];
    rooms.push(Math.max(0, limit_bytes - used_bytes + Number(file_bytes)));
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

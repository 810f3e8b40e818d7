/**
 * The limits of the cgroup this process runs in, versions 1 and 2: the least of its own and of all
 * above it that can be seen. What a container or a unit may really use, whatever the host has.
 */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export interface CgroupLimits {
  /** Of the controller that limits memory; null: no cgroup, or none that can be read. */
  readonly version: 1 | 2 | null;
  /** null: no limit, or not known. */
  readonly memory_max_bytes: number | null;
  readonly swap_max_bytes: number | null;
  /** CPUs' worth of time; may be a fraction. */
  readonly cpus: number | null;
}

/** Version 1 writes "no limit" as the largest number of pages; no host has half of that. */
const NO_LIMIT_BYTES = 2 ** 62;
const NO_LIMITS: CgroupLimits = {
  version: null,
  memory_max_bytes: null,
  swap_max_bytes: null,
  cpus: null,
};

/** `root` is another folder than / in tests. Never throws. */
export function cgroupLimits(root = '/'): CgroupLimits {
  const groups = readOrNull(join(root, 'proc/self/cgroup'));
  if (groups === null) return NO_LIMITS;
  const mount = join(root, 'sys/fs/cgroup');
  const path_of = (controller: string): string | null =>
    new RegExp(`^\\d+:(?:[^:\\n]*,)?${controller}(?:,[^:\\n]*)?:(.*)$`, 'm').exec(groups)?.[1] ??
    null;
  const memory = path_of('memory');
  if (memory !== null) return versionOne(mount, memory, path_of('cpu') ?? memory);
  const unified = /^0::(.*)$/m.exec(groups)?.[1];
  return unified === undefined ? NO_LIMITS : versionTwo(mount, unified);
}

function versionTwo(mount: string, path: string): CgroupLimits {
  const files = (name: string): string[] => readUpwards(mount, path, name);
  return {
    version: 2,
    memory_max_bytes: least(files('memory.max').map(wholeNumber)),
    swap_max_bytes: least(files('memory.swap.max').map(wholeNumber)),
    cpus: least(
      files('cpu.max').map((text) => {
        const [quota = '', period = ''] = text.split(' ');
        return toCpus(quota, period);
      }),
    ),
  };
}

function versionOne(mount: string, memory: string, cpu: string): CgroupLimits {
  const limits = readUpwards(join(mount, 'memory'), memory, 'memory.limit_in_bytes');
  const quotas = readUpwards(join(mount, 'cpu'), cpu, 'cpu.cfs_quota_us');
  const periods = readUpwards(join(mount, 'cpu'), cpu, 'cpu.cfs_period_us');
  return {
    version: 1,
    memory_max_bytes: least(limits.map(limitOfVersionOne)),
    swap_max_bytes: null,
    cpus: least(quotas.map((quota, at) => toCpus(quota, periods[at] ?? ''))),
  };
}

/**
 * A file of a group and of each above it. In a container the path may be the host's, which is not
 * there: then the group is what is mounted.
 */
function readUpwards(mount: string, path: string, name: string): string[] {
  const found: string[] = [];
  for (let at = join('/', path); ; at = dirname(at)) {
    const text = readOrNull(join(mount, at, name));
    if (text !== null) found.push(text);
    if (at === '/') return found;
  }
}

function toCpus(quota: string, period: string): number | null {
  const [time, of] = [wholeNumber(quota), wholeNumber(period)];
  return time !== null && time > 0 && of !== null && of > 0 ? time / of : null;
}

function limitOfVersionOne(text: string): number | null {
  const limit = wholeNumber(text);
  return limit !== null && limit < NO_LIMIT_BYTES ? limit : null;
}

/** `max`, and -1 of version 1, are no limit. */
function wholeNumber(text: string): number | null {
  return /^\d+$/.test(text.trim()) ? Number(text) : null;
}

function least(limits: readonly (number | null)[]): number | null {
  const known = limits.filter((limit) => limit !== null);
  return known.length === 0 ? null : Math.min(...known);
}

function readOrNull(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

/** What decided a run besides its options: our own sources, the VMM's program, the host. Edge. */
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readFileSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { cgroupLimits } from '../../base/cgroup.ts';
import { PROJECT_ROOT } from '../../base/paths.ts';
import { toolEnvironment } from '../../base/tool-environment.ts';
import type { Provenance } from '../results/schema.ts';
import { parseMeminfo } from './load.ts';

/** A git that takes longer, on a cold disk of another machine, tells nothing. */
const GIT_MS = 5_000;

/** Facts of this moment; `vmm_binary` is known only after a VM ran. Never throws. */
export async function readProvenance(): Promise<Provenance> {
  return { ...(await sourcesOf(PROJECT_ROOT)), vmm_binary: null, host: hostProvenance() };
}

/**
 * Commit and dirtiness of a checkout. Null when `root` is no checkout of its own, as when the
 * package lies below somebody else's repository, or when git is not there.
 */
async function sourcesOf(root: string): Promise<Pick<Provenance, 'commit' | 'is_dirty'>> {
  const unknown = { commit: null, is_dirty: null };
  if (!existsSync(join(root, '.git'))) return unknown;
  const head = await git(root, ['rev-parse', '--verify', 'HEAD']);
  const changes = await git(root, ['status', '--porcelain', '--untracked-files=no']);
  if (head === null) return unknown;
  return { commit: head, is_dirty: changes === null ? null : changes !== '' };
}

/** Size and hash of a program file; null when it cannot be read. */
export async function binaryOf(path: string): Promise<Provenance['vmm_binary']> {
  if (path === '') return null;
  const hash = createHash('sha256');
  let bytes = 0;
  try {
    for await (const chunk of createReadStream(path) as AsyncIterable<Uint8Array>) {
      hash.update(chunk);
      bytes += chunk.byteLength;
    }
  } catch {
    return null;
  }
  return { path, bytes, sha256: hash.digest('hex') };
}

export function hostProvenance(root = '/'): Provenance['host'] {
  const read = (path: string): string | null => readOrNull(join(root, path));
  const meminfo = read('proc/meminfo') ?? '';
  const limits = cgroupLimits(root);
  return {
    thp_enabled: chosenWord(read('sys/kernel/mm/transparent_hugepage/enabled')),
    thp_defrag: chosenWord(read('sys/kernel/mm/transparent_hugepage/defrag')),
    swap_total_bytes: parseMeminfo(meminfo, 'SwapTotal'),
    swap_free_bytes: parseMeminfo(meminfo, 'SwapFree'),
    mem_available_bytes: parseMeminfo(meminfo, 'MemAvailable'),
    cgroup_version: limits.version,
    cgroup_memory_max_bytes: limits.memory_max_bytes,
    cgroup_swap_max_bytes: limits.swap_max_bytes,
    cgroup_cpus: limits.cpus,
    cpus_allowed: availableParallelism(),
    load_average: loadavg(),
    cpu_governor: read('sys/devices/system/cpu/cpu0/cpufreq/scaling_governor')?.trim() ?? null,
  };
}

/** `always [madvise] never` -> `madvise`. */
function chosenWord(text: string | null): string | null {
  return text === null ? null : (/\[([^\]]+)\]/.exec(text)?.[1] ?? null);
}

async function git(root: string, args: readonly string[]): Promise<string | null> {
  const ended = await execa('git', ['-C', root, ...args], {
    env: toolEnvironment(),
    extendEnv: false,
    reject: false,
    stdin: 'ignore',
    timeout: GIT_MS,
  });
  return ended.failed ? null : ended.stdout.trim();
}

function readOrNull(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

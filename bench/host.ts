/** Facts of the host that every figure depends on. */
import { readFile, readlink } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os';
import { KIB } from '../base/units.ts';
import type { BenchManifest } from './reclaim/results/records.ts';

export async function readHost(): Promise<BenchManifest['host']> {
  const pages = '/sys/kernel/mm/transparent_hugepage/enabled';
  const text = await readFile(pages, 'utf8').catch(() => '');
  return {
    kernel: release(),
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memory_bytes: totalmem(),
    huge_pages: /\[(\w+)\]/.exec(text)?.[1] ?? 'none',
    load_before: Math.round((loadavg()[0] ?? 0) * 100) / 100,
  };
}

/** The program and the command line of a process; empty where it ended. */
export async function readCommand(
  pid: number,
): Promise<{ readonly vmm_path: string; readonly vmm_command: readonly string[] }> {
  const text = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  const vmm_path = await readlink(`/proc/${pid}/exe`).catch(() => '');
  return { vmm_path, vmm_command: text.split('\0').filter((word) => word !== '') };
}

/** What the host could give without taking it from somebody. */
export async function availableBytes(): Promise<number> {
  const text = await readFile('/proc/meminfo', 'utf8');
  return Number(/^MemAvailable: +(\d+) kB$/m.exec(text)?.[1] ?? 0) * KIB;
}

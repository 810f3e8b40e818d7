/** Facts of the host that every figure depends on. */
import { readFile } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os';
import { KIB } from '../base/units.ts';
import type { BenchManifest } from './records.ts';

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

/** What the host could give without taking it from somebody. */
export async function availableBytes(): Promise<number> {
  const text = await readFile('/proc/meminfo', 'utf8');
  return Number(/^MemAvailable: +(\d+) kB$/m.exec(text)?.[1] ?? 0) * KIB;
}

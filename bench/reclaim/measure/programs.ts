/** The C programs of the bench, compiled once into the cache. */
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT_ROOT } from '../../../base/paths.ts';
import { ensureStaticProgram } from '../../../images/rootfs/program.ts';

export interface BenchPrograms {
  /** Runs on the host: maps, touches and discards. */
  readonly floor_path: string;
  /** Runs in the guest as every instance of a block. */
  readonly instance_path: string;
  /** Runs in the guest as its only process, under counted instructions. */
  readonly off_path: string;
  /** Runs on the host: what its kernel's memory management costs. */
  readonly prices_path: string;
}

const filesOf = (pattern: string): readonly string[] =>
  globSync(pattern, { cwd: PROJECT_ROOT })
    .toSorted()
    .map((path) => join(PROJECT_ROOT, path));
const local = (...parts: readonly string[]): string => join(PROJECT_ROOT, 'bench', ...parts);

export async function ensurePrograms(options: {
  readonly cache_dir: string;
  readonly signal?: AbortSignal | undefined;
}): Promise<BenchPrograms> {
  const common = filesOf('guest/common/*.c');
  const measure = local('guest', 'measure.c');
  const prices = local('guest', 'prices.c');
  const headers = [...filesOf('bench/guest/*.h'), ...filesOf('guest/common/*.h')];
  return {
    floor_path: await ensureStaticProgram({
      name: 'bench-floor',
      sources: [local('reclaim', 'measure', 'floor.c')],
      ...options,
    }),
    instance_path: await ensureStaticProgram({
      name: 'bench-instance',
      sources: [local('guest', 'bench.c'), measure, prices, ...common],
      headers,
      ...options,
    }),
    off_path: await ensureStaticProgram({
      name: 'bench-off',
      sources: [local('guest', 'off.c'), measure, prices],
      headers: [...headers, join(PROJECT_ROOT, 'guest', 'init', 'hotmem_abi.h')],
      ...options,
    }),
    prices_path: await ensureStaticProgram({
      name: 'bench-prices',
      sources: [local('reclaim', 'measure', 'prices.c'), prices, measure],
      headers,
      ...options,
    }),
  };
}

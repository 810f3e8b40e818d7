/** The C programs of the bench, compiled once into the cache. */
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT_ROOT } from '../../../base/paths.ts';
import { ensureStaticProgram } from '../../../images/rootfs/program.ts';

import { DEFAULT_ARCH, type GuestArch } from '../../../base/guest-arch.ts';

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
const headers = (): readonly string[] => [
  ...filesOf('bench/guest/*.h'),
  ...filesOf('guest/common/*.h'),
];
const local = (...parts: readonly string[]): string => join(PROJECT_ROOT, 'bench', ...parts);

interface ProgramOptions {
  readonly cache_dir: string;
  /** Of the guest. Default: x86-64. */
  readonly arch?: GuestArch | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Runs in the guest as its only process, under counted instructions. */
export async function ensureCountedProgram(options: ProgramOptions): Promise<string> {
  const { arch = DEFAULT_ARCH, ...others } = options;
  return await ensureStaticProgram({
    name: 'bench-off',
    sources: [local('guest', 'off.c'), local('guest', 'measure.c'), local('guest', 'prices.c')],
    headers: [...headers(), join(PROJECT_ROOT, 'guest', 'init', 'hotmem_abi.h')],
    ...others,
    arch,
  });
}

/** Since QEMU 8.1 a plugin of version 1 of the interface is refused; ours needs nothing of it. */
const PLUGIN_API_2_SINCE = [8, 1] as const;

/** The plugin that watches a lock; `version` is that of the QEMU that loads it. */
export async function ensureLockPlugin(
  version: string,
  options: { readonly signal?: AbortSignal | undefined },
): Promise<string> {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [since_major, since_minor] = PLUGIN_API_2_SINCE;
  const is_2 = major > since_major || (major === since_major && minor >= since_minor);
  return await ensureStaticProgram({
    name: 'bench-lock-plugin',
    sources: [local('reclaim', 'measure', 'lock-plugin.c')],
    kind: 'plugin',
    defines: [`PLUGIN_API=${is_2 ? 2 : 1}`],
    ...options,
  });
}

export async function ensurePrograms(
  options: Omit<ProgramOptions, 'arch'>,
): Promise<BenchPrograms> {
  const common = filesOf('guest/common/*.c');
  const measure = local('guest', 'measure.c');
  const prices = local('guest', 'prices.c');
  return {
    floor_path: await ensureStaticProgram({
      name: 'bench-floor',
      sources: [local('reclaim', 'measure', 'floor.c')],
      ...options,
    }),
    instance_path: await ensureStaticProgram({
      name: 'bench-instance',
      sources: [local('guest', 'bench.c'), measure, prices, ...common],
      headers: headers(),
      ...options,
    }),
    off_path: await ensureCountedProgram(options),
    prices_path: await ensureStaticProgram({
      name: 'bench-prices',
      sources: [local('reclaim', 'measure', 'prices.c'), prices, measure],
      headers: headers(),
      ...options,
    }),
  };
}

/** The user-space test the series brings along, compiled static for our root file system. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { GuestArch } from '../../base/guest-arch.ts';
import { run } from '../run.ts';
import { TOOLCHAINS } from '../toolchain.ts';

export const SELFTEST_NAME = 'hotmem-selftest';

const SOURCES = 'tools/testing/selftests/hotmem';

/** False when the tree has none. */
export async function buildSelftest(
  arch: GuestArch,
  tree: string,
  out_path: string,
  options: {
    readonly log_path: string;
    readonly lock_fd?: number;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<boolean> {
  const names = await readdir(join(tree, SOURCES)).catch(() => []);
  const sources = names.filter((name) => name.endsWith('.c')).toSorted();
  if (sources.length === 0) return false;
  const { gcc, make_variables } = TOOLCHAINS[arch];
  await run(['make', ...make_variables, 'headers'], { ...options, cwd: tree });
  const flags = ['-std=gnu11', '-D_GNU_SOURCE', '-O2', '-static', '-pthread'];
  const includes = [`-I${join(tree, 'usr/include')}`, '-I..'];
  const command = [gcc, ...flags, ...includes, '-o', out_path, ...sources];
  await run(command, { ...options, cwd: join(tree, SOURCES) });
  return true;
}

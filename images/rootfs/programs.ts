/** The C programs of the guest. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { PROJECT_ROOT } from '../../base/paths.ts';
import { ensureStaticProgram, type StaticProgramOptions } from './program.ts';

const GUEST_DIR = join(PROJECT_ROOT, 'guest');

export type GuestProgramName = 'init' | 'workload';

/** Path of the compiled program. */
export async function ensureGuestProgram(
  name: GuestProgramName,
  options: Pick<StaticProgramOptions, 'arch' | 'cache_dir' | 'build' | 'signal'>,
): Promise<string> {
  return await ensureStaticProgram({
    name,
    sources: [...(await filesIn('common', '.c')), ...(await filesIn(name, '.c'))],
    headers: [...(await filesIn('common', '.h')), ...(await filesIn(name, '.h'))],
    ...options,
  });
}

async function filesIn(folder: string, extension: string): Promise<readonly string[]> {
  const names = await readdir(join(GUEST_DIR, folder));
  return names
    .filter((name) => name.endsWith(extension))
    .toSorted()
    .map((name) => join(GUEST_DIR, folder, name));
}

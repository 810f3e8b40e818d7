/** The C programs of the guest. */
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isHotplaneError } from '../../base/errors.ts';
import { DEFAULT_ARCH } from '../../base/guest-arch.ts';
import { PROJECT_ROOT } from '../../base/paths.ts';
import { ensureStaticProgram, type StaticProgramOptions } from './program.ts';

const HTTP_PARSER_HEADER = '/usr/include/http_parser.h';
const GUEST_DIR = join(PROJECT_ROOT, 'guest');

/**
 * The supervisor parses HTTP with a library that a host may lack: without it a guest runs the
 * built-in function alone.
 */
const LIBRARIES: Readonly<Partial<Record<GuestProgramName, readonly string[]>>> = {
  runtime: ['http_parser'],
};

export type GuestProgramName = 'init' | 'workload' | 'runtime';

/** Path of the compiled program. */
export async function ensureGuestProgram(
  name: GuestProgramName,
  options: Pick<StaticProgramOptions, 'arch' | 'cache_dir' | 'build' | 'signal'>,
): Promise<string> {
  return await ensureStaticProgram({
    name,
    sources: [...(await filesIn('common', '.c')), ...(await filesIn(name, '.c'))],
    headers: [...(await filesIn('common', '.h')), ...(await filesIn(name, '.h'))],
    ...(LIBRARIES[name] ? { libraries: LIBRARIES[name] } : {}),
    ...options,
  });
}

/** The supervisor of packaged functions, or null where it is not built and cannot be. */
export async function ensureSupervisor(
  options: Parameters<typeof ensureGuestProgram>[1],
): Promise<string | null> {
  const can_build = options.build !== false && existsSync(HTTP_PARSER_HEADER);
  try {
    const here = (options.arch ?? DEFAULT_ARCH) === DEFAULT_ARCH;
    return await ensureGuestProgram('runtime', { ...options, build: can_build && here });
  } catch (error) {
    if (isHotplaneError(error) && error.code === 'HP_IMAGE_NOT_BUILT') return null;
    throw error;
  }
}

async function filesIn(folder: string, extension: string): Promise<readonly string[]> {
  const names = await readdir(join(GUEST_DIR, folder));
  return names
    .filter((name) => name.endsWith(extension))
    .toSorted()
    .map((name) => join(GUEST_DIR, folder, name));
}

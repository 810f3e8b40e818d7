import { execa } from 'execa';
import { DEFAULT_ARCH, type GuestArch } from '../../base/guest-arch.ts';
import { toolEnvironment } from '../../base/tool-environment.ts';
import { imageError } from '../errors.ts';
import { TOOLCHAINS } from '../toolchain.ts';

const VERSION_MS = 10_000;

/**
 * First line of `gcc --version`, of the compiler for that instruction set: part of every cache key,
 * for it decides the bytes that come out. Throws HP_IMAGE_TOOL_MISSING.
 */
export async function compilerVersion(arch: GuestArch = DEFAULT_ARCH): Promise<string> {
  const { gcc, packages } = TOOLCHAINS[arch];
  try {
    const { stdout } = await execa(gcc, ['--version'], {
      timeout: VERSION_MS,
      env: toolEnvironment(),
      extendEnv: false,
    });
    return stdout.split('\n')[0] ?? '';
  } catch (cause) {
    throw imageError('HP_IMAGE_TOOL_MISSING', `${gcc} does not run.`, {
      next: `Install the build tools: apt-get install ${packages}.`,
      cause,
    });
  }
}

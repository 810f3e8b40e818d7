import { execa } from 'execa';
import { toolEnvironment } from '../../base/tool-environment.ts';
import { imageError } from '../errors.ts';

const VERSION_MS = 10_000;

/**
 * First line of `gcc --version`: part of every cache key, for it decides the bytes that come out.
 */
export async function compilerVersion(): Promise<string> {
  try {
    const { stdout } = await execa('gcc', ['--version'], {
      timeout: VERSION_MS,
      env: toolEnvironment(),
      extendEnv: false,
    });
    return stdout.split('\n')[0] ?? '';
  } catch (cause) {
    throw imageError('HP_IMAGE_TOOL_MISSING', 'gcc does not run.', {
      next: 'Install the build tools: apt-get install gcc make libc6-dev.',
      cause,
    });
  }
}

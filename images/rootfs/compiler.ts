import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { toolEnvironment } from '../../base/tool-environment.ts';
import { imageError } from '../errors.ts';

const execFileAsync = promisify(execFile);

/**
 * First line of `gcc --version`: part of every cache key, for it decides the bytes that come out.
 */
export async function compilerVersion(): Promise<string> {
  try {
    const { stdout } = await execFileAsync('gcc', ['--version'], {
      timeout: 10_000,
      env: toolEnvironment(),
    });
    return stdout.split('\n')[0] ?? '';
  } catch (cause) {
    throw imageError('HP_IMAGE_TOOL_MISSING', 'gcc does not run.', {
      next: 'Install the build tools: apt-get install gcc make libc6-dev.',
      cause,
    });
  }
}

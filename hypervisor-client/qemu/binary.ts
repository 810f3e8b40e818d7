/** Finds QEMU and its version. */
import { execa } from 'execa';
import { LIMITS } from '../../base/limits.ts';
import { vmmEnvironment } from '../../base/tool-environment.ts';
import { vmmError } from '../errors.ts';
import { spawnError } from '../lifecycle/spawn-error.ts';

export const QEMU_PROGRAM = 'qemu-system-x86_64';
/** The oldest version this driver was run with (Debian 12). */
const OLDEST: readonly [number, number] = [7, 2];

/** Version like `7.2.22`. Throws HP_VMM_MISSING or HP_VMM_UNSUPPORTED. */
export async function qemuVersion(program: string): Promise<string> {
  const { stdout, failed, cause } = await execa(program, ['--version'], {
    reject: false,
    timeout: LIMITS.vmm_start_ms,
    stdin: 'ignore',
    env: vmmEnvironment(),
    extendEnv: false,
  });
  if (failed) throw qemuMissing(program, cause);
  return parseQemuVersion(stdout);
}

/** Reads the version from the first line of `--version`. Pure. */
export function parseQemuVersion(text: string): string {
  const match = /^QEMU emulator version (\d+)\.(\d+)(\.\d+)?/.exec(text);
  if (!match) {
    const line = JSON.stringify(text.split('\n')[0]?.slice(0, 80));
    throw vmmError('HP_VMM_UNSUPPORTED', `This does not look like QEMU: ${line}.`);
  }
  const [major, minor] = [Number(match[1]), Number(match[2])];
  const version = `${major}.${minor}${match[3] ?? ''}`;
  if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return version;
  throw vmmError('HP_VMM_UNSUPPORTED', `QEMU ${version} is older than ${OLDEST.join('.')}.`);
}

export function qemuMissing(program: string, cause: unknown): Error {
  const next =
    'Install it (Debian: apt-get install qemu-system-x86), or name its path with --qemu or QEMU.';
  return spawnError(program, cause, next);
}

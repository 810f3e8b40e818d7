/** Finds QEMU and its version. */
import { execa } from 'execa';
import { DEFAULT_ARCH } from '../../base/guest-arch.ts';
import { LIMITS } from '../../base/limits.ts';
import { vmmEnvironment } from '../../base/tool-environment.ts';
import { vmmError } from '../errors.ts';
import { spawnError } from '../lifecycle/spawn-error.ts';
import { QEMU_MACHINES } from './machines.ts';

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

const debianPackageOf = (program: string): string =>
  Object.values(QEMU_MACHINES).find((one) => program.endsWith(one.program))?.package ??
  QEMU_MACHINES[DEFAULT_ARCH].package;

export function qemuMissing(program: string, cause: unknown): Error {
  const next =
    `Install it (Debian: apt-get install ${debianPackageOf(program)}), or name its path with ` +
    '--qemu or QEMU.';
  return spawnError(program, cause, next);
}

/** A QEMU with arguments beyond those of the driver, for what the product has no use for. */
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DEFAULT_ARCH, type GuestArch } from '../../base/guest-arch.ts';
import { QEMU_MACHINES } from '../../hypervisor-client/qemu/machines.ts';

/** Path of a program, kept in `dir`, that becomes QEMU with these arguments after all others. */
export async function qemuWith(
  dir: string,
  extra: readonly string[],
  arch: GuestArch = DEFAULT_ARCH,
): Promise<string> {
  const { program } = QEMU_MACHINES[arch];
  const path = join(dir, 'qemu-with');
  const words = extra.map((word) => `'${word.replaceAll("'", `'\\''`)}'`);
  await writeFile(path, `#!/bin/sh\nexec ${program} "$@" ${words.join(' ')}\n`);
  await chmod(path, 0o700);
  return path;
}

/** A QEMU with arguments beyond those of the driver, for what the product has no use for. */
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { QEMU_PROGRAM } from '../../hypervisor-client/qemu/binary.ts';

/** Path of a program, kept in `dir`, that becomes QEMU with these arguments after all others. */
export async function qemuWith(dir: string, extra: readonly string[]): Promise<string> {
  const path = join(dir, 'qemu-with');
  const words = extra.map((word) => `'${word.replaceAll("'", `'\\''`)}'`);
  await writeFile(path, `#!/bin/sh\nexec ${QEMU_PROGRAM} "$@" ${words.join(' ')}\n`);
  await chmod(path, 0o700);
  return path;
}

/** The image of the suite: a kernel of the project with the suite's guest program as PID 1. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { writeWhole } from '../../../base/files.ts';
import { directory, file, writeCpio } from '../../../images/rootfs/cpio.ts';
import { ensureStaticProgram } from '../../../images/rootfs/program.ts';
import { ensureGuest, guestKernelArguments } from '../../../images/index.ts';
import { HEADER_PATH } from '../../../tools/guest-protocol-header.ts';
import { GUEST_SOURCE } from '../../../hypervisor-client/testing/conformance/guest/hand.ts';
import type { TargetImage } from '../../../hypervisor-client/testing/conformance/target.ts';

/** Builds the RAM disk once per content of the source; the kernel comes from images/. */
export async function conformanceImage(): Promise<TargetImage> {
  const { kernel_path } = await ensureGuest({ variant: 'stock' });
  return {
    kernel_path,
    initrd_path: await ensureRamDisk(),
    kernel_arguments: guestKernelArguments({
      partitions: 'none',
      init_on_alloc: false,
      guest_huge_pages: false,
    }),
  };
}

/** The RAM disk with the guest's only program, built once for each content of it. */
export async function ensureRamDisk(): Promise<string> {
  const program_path = await ensureStaticProgram({
    name: 'conformance-init',
    sources: [GUEST_SOURCE],
    headers: [HEADER_PATH],
  });
  const path = `${program_path}.cpio`;
  if (existsSync(path)) return path;
  const entries = [
    ...['dev', 'proc', 'sys'].map((name) => directory(name)),
    file('init', await readFile(program_path), 0o755),
  ];
  await writeWhole(path, writeCpio(entries), { durable: false });
  return path;
}

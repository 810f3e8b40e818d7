/** The image of the suite: a kernel of the project with test/hypervisor-client/conformance/guest/init.c as PID 1. */
import { execa } from 'execa';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheDir } from '../../../base/paths.ts';
import { directory, file, writeCpio } from '../../../images/rootfs/cpio.ts';
import { ensureGuest, guestKernelArguments } from '../../../images/index.ts';
import type { GuestImage } from '../../../hypervisor-client/testing/conformance/target.ts';

const SOURCE = fileURLToPath(new URL('guest/init.c', import.meta.url));
const COMPILE_MS = 60_000;

/** Builds the RAM disk once per content of the source; the kernel comes from images/. */
export async function conformanceImage(): Promise<GuestImage> {
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

export async function ensureRamDisk(): Promise<string> {
  const key = createHash('sha256')
    .update(await readFile(SOURCE))
    .digest('hex')
    .slice(0, 16);
  const folder = join(cacheDir(), 'conformance');
  const path = join(folder, `${key}.cpio`);
  const ready = await readFile(path).catch(() => null);
  if (ready) return path;
  await mkdir(folder, { recursive: true });
  const work = await mkdtemp(join(folder, 'build-'));
  try {
    const init = join(work, 'init');
    const flags = ['-static', '-O2', '-Wall', '-Wextra', '-Wno-sign-compare', '-Werror'];
    await execa('gcc', [...flags, '-o', init, SOURCE], { timeout: COMPILE_MS });
    const entries = [
      ...['dev', 'proc', 'sys'].map((name) => directory(name)),
      file('init', await readFile(init), 0o755),
    ];
    await writeFile(`${init}.cpio`, writeCpio(entries));
    await rename(`${init}.cpio`, path);
    return path;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

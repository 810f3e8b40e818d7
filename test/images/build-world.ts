/** The real builder and the real make on a source tree of two files, with a cache of its own. */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { execa } from 'execa';
import { DEFAULT_ARCH, type GuestArch } from '../../base/guest-arch.ts';
import { silentProgress } from '../../base/progress.ts';
import { compilerVersion } from '../../images/rootfs/compiler.ts';
import { ensureKernel, type KernelBuildOptions } from '../../images/kernel/build.ts';
import type { BuiltKernel } from '../../images/kernel/manifest.ts';
import { kernelParts, type KernelVariant, recipeOf } from '../../images/kernel/recipe.ts';
import { findKernelSource } from '../../images/kernel/source.ts';
import { type FakeKernel, writeFakeKernel } from './fake-kernel.ts';

const PATCH = '--- a/first.c\n+++ b/first.c\n@@ -1 +1 @@\n-first\n+patched\n';

export interface World {
  readonly dir: string;
  readonly cache_dir: string;
  readonly kernel: FakeKernel;
  readonly patches: string;
  readonly build: (
    options?: Partial<KernelBuildOptions> & { variant?: KernelVariant; arch?: GuestArch },
  ) => ReturnType<typeof ensureKernel>;
}

export async function world(t: ExecutionContext, second?: string): Promise<World> {
  const dir = await mkdtemp(join(tmpdir(), 'hotplane-build-'));
  t.teardown(() => rm(dir, { recursive: true, force: true }));
  const kernel = await writeFakeKernel(dir, second);
  const patches = join(dir, 'patches');
  await mkdir(join(patches, 'config'), { recursive: true });
  await writeFile(join(patches, 'series'), '0001-first.patch\n');
  await writeFile(join(patches, '0001-first.patch'), PATCH);
  await writeFile(join(patches, 'REVISION'), '7\n');
  await writeFile(join(patches, 'config/microvm.config'), 'CONFIG_A=y\n');
  await writeFile(join(patches, 'config/hotmem.config'), 'CONFIG_HOTMEM=y\n');
  const cache_dir = join(dir, 'cache');
  const build: World['build'] = async (given = {}) => {
    const { variant = 'stock', arch = DEFAULT_ARCH, ...options } = given;
    const source = await findKernelSource(kernel.tree, cache_dir);
    const parts = await kernelParts(variant, patches, arch);
    const recipe = recipeOf(parts, source, await compilerVersion());
    return await ensureKernel(source, recipe, { cache_dir, progress: silentProgress, ...options });
  };
  return { dir, cache_dir, kernel, patches, build };
}

/** One line for each file that make compiled. */
export async function compiled(kernel: FakeKernel): Promise<readonly string[]> {
  return (await readFile(kernel.log, 'utf8')).split('\n').slice(0, -1);
}

/** The kernel `stock` of this project's own parts, built of a tarball of the tree. */
export async function buildOfTarball({ dir, cache_dir }: World): Promise<BuiltKernel> {
  const tarball = join(dir, 'linux.tar.xz');
  if (!existsSync(tarball)) {
    await execa('tar', ['--create', '--xz', '--file', tarball, '--directory', dir, 'linux']);
  }
  const source = await findKernelSource(undefined, cache_dir, tarball);
  const recipe = recipeOf(await kernelParts('stock'), source, await compilerVersion());
  return await ensureKernel(source, recipe, { cache_dir, progress: silentProgress });
}

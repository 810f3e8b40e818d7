/** This package as its users get it: packed, unpacked into `node_modules` of another project. */
import { mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { execa } from 'execa';
import { z } from 'zod';
import { PROJECT_ROOT } from '../../base/paths.ts';

const packedSchema = z.tuple([
  z.object({
    filename: z.string(),
    size: z.number(),
    files: z.array(z.object({ path: z.string() })),
  }),
]);

export interface Installed {
  /** A project that depends on the package; its sources go in here. */
  readonly folder: string;
  /** Where the package lies in it: below node_modules, and no link. */
  readonly package_dir: string;
  readonly tarball_bytes: number;
  readonly file_names: readonly string[];
}

/**
 * Packs and installs. Its dependencies are links to ours, so that no registry is asked; the package
 * itself is unpacked, as npm does it.
 */
export async function installPackage(t: ExecutionContext): Promise<Installed> {
  const folder = await mkdtemp(join(tmpdir(), 'hotplane-package-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  // One at a time: packing builds dist/ anew.
  const lock = join(PROJECT_ROOT, 'node_modules', '.hotplane-pack.lock');
  const args = [lock, 'npm', 'pack', '--json', '--pack-destination', folder];
  const { stdout } = await execa('flock', args, { cwd: PROJECT_ROOT });
  const [packed] = packedSchema.parse(JSON.parse(stdout.slice(stdout.indexOf('[\n'))));
  const modules = join(folder, 'node_modules');
  const package_dir = join(modules, 'hotplane');
  await mkdir(package_dir, { recursive: true });
  await execa('tar', ['-xzf', join(folder, packed.filename), '--strip-components=1'], {
    cwd: package_dir,
  });
  for (const name of await readdir(join(PROJECT_ROOT, 'node_modules'))) {
    if (name.startsWith('.')) continue;
    await symlink(join(PROJECT_ROOT, 'node_modules', name), join(modules, name));
  }
  const file_names = packed.files.map(({ path }) => path);
  return { folder, package_dir, tarball_bytes: packed.size, file_names };
}

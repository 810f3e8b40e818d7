/**
 * A Debian kernel for the nested machine: the package is downloaded and unpacked into the cache,
 * not installed, so the host stays as it is.
 */
import { execa } from 'execa';
import { mkdir, mkdtemp, readFile, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { HotplaneError } from '../../base/errors.ts';
import { LIMITS } from '../../base/limits.ts';
import { toolEnvironment } from '../../base/tool-environment.ts';
import { loadOrder, NEEDED_MODULES, parseModulesDep } from './modules.ts';

/**
 * Meta-packages whose dependency is a current signed kernel; the first one that apt offers is
 * taken. Debian 12's own 6.1 runs KVM as well, but its Landlock lacks the right to truncate (Linux
 * 6.2), so Cloud Hypervisor cannot confine itself there.
 */
const META_PACKAGES = ['linux-image-6.12-amd64', 'linux-image-amd64'] as const;

export interface DebianKernel {
  readonly package_name: string;
  readonly kernel_path: string;
  /** Absolute paths of the modules in the order they are loaded. */
  readonly module_paths: readonly string[];
}

async function command(name: string, args: readonly string[], cwd?: string): Promise<string> {
  const result = await execa(name, args, {
    reject: false,
    timeout: LIMITS.package_download_ms,
    env: toolEnvironment(),
    extendEnv: false,
    ...(cwd === undefined ? {} : { cwd }),
  });
  if (!result.failed) return result.stdout;
  throw new HotplaneError({
    code: 'HP_IMAGE_PACKAGE',
    category: 'unavailable',
    message: `'${name} ${args.join(' ')}' failed: ${result.stderr || result.shortMessage}`,
    next: "run 'apt-get update' and try again; the nested machine needs Debian's kernel package.",
    cause: result,
  });
}

/** Name of the kernel package to use, e.g. `linux-image-6.12.117+deb12-amd64`. */
async function findPackage(): Promise<string> {
  for (const meta_package of META_PACKAGES) {
    // A name that apt does not know is an exit code of its own, and no reason to give up yet.
    const text = await command('apt-cache', ['depends', meta_package]).catch(() => '');
    const match = /Depends:\s*(linux-image-\S+)/.exec(text);
    if (match?.[1]) return match[1];
  }
  throw new HotplaneError({
    code: 'HP_IMAGE_PACKAGE',
    category: 'unavailable',
    message: `apt knows none of ${META_PACKAGES.join(', ')}`,
    next: "run 'apt-get update' and try again; the nested machine needs Debian's kernel package.",
  });
}

async function unpackInto(folder: string, package_name: string): Promise<void> {
  const parent = join(folder, '..');
  await mkdir(parent, { recursive: true });
  const scratch = await mkdtemp(join(parent, `${package_name}.`));
  try {
    await command('apt-get', ['download', package_name], scratch);
    const deb = (await readdir(scratch)).find((name) => name.endsWith('.deb'));
    await command('dpkg-deb', ['-x', join(scratch, deb ?? ''), join(scratch, 'x')]);
    const [version = ''] = await readdir(join(scratch, 'x', 'lib', 'modules'));
    await command('/sbin/depmod', ['-b', join(scratch, 'x'), version]);
    await rename(join(scratch, 'x'), folder).catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** The module as the kernel takes it: newer packages have them compressed. */
export async function readModule(path: string): Promise<Buffer> {
  if (!path.endsWith('.xz')) return await readFile(path);
  const options = {
    encoding: 'buffer',
    timeout: LIMITS.package_download_ms,
    env: toolEnvironment(),
    extendEnv: false,
  } as const;
  return Buffer.from((await execa('xz', ['-dc', path], options)).stdout);
}

/** Makes sure the kernel is in `cache_dir` and says where its parts are. */
export async function ensureDebianKernel(cache_dir: string): Promise<DebianKernel> {
  const package_name = await findPackage();
  const folder = join(cache_dir, 'debian-kernels', package_name);
  const present = await readdir(folder).catch(() => null);
  if (present === null) await unpackInto(folder, package_name);
  const version = package_name.replace('linux-image-', '');
  const modules = join(folder, 'lib', 'modules', version);
  const text = await readFile(join(modules, 'modules.dep'), 'utf8');
  return {
    package_name,
    kernel_path: join(folder, 'boot', `vmlinuz-${version}`),
    module_paths: loadOrder(parseModulesDep(text), NEEDED_MODULES).map((p) => join(modules, p)),
  };
}

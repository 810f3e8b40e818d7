/**
 * A Debian kernel for the nested machine: the package is downloaded and unpacked into the cache, not
 * installed, so the host stays as it is.
 */
import { execa } from 'execa';
import { mkdir, mkdtemp, readFile, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { HotplaneError } from '../../base/errors.ts';
import { LIMITS } from '../../base/limits.ts';
import { loadOrder, NEEDED_MODULES, parseModulesDep } from './modules.ts';

/** The meta-package whose dependency is the current signed kernel of Debian 12. */
const META_PACKAGE = 'linux-image-amd64';

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

/** Name of the newest kernel package, e.g. `linux-image-6.1.0-56-amd64`. */
async function findPackage(): Promise<string> {
  const text = await command('apt-cache', ['depends', META_PACKAGE]);
  const match = /Depends:\s*(linux-image-\S+)/.exec(text);
  if (match?.[1]) return match[1];
  throw new HotplaneError({
    code: 'HP_IMAGE_PACKAGE',
    category: 'unavailable',
    message: `apt knows no ${META_PACKAGE}`,
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

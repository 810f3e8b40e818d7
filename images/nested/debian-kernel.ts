/**
 * A Debian kernel for the nested machine: the package is downloaded and unpacked into the cache,
 * not installed, so the host stays as it is.
 */
import { execa } from 'execa';
import { mkdir, readFile, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { imageError } from '../errors.ts';
import { IMAGE_LIMITS } from '../limits.ts';
import { jsonDocument } from '../../base/json.ts';
import { makeFolder } from '../../base/make-folder.ts';
import { toolEnvironment } from '../../base/tool-environment.ts';
import { writeWhole } from '../../base/files.ts';
import {
  describeFiles,
  filesSchema,
  lookAt,
  makeEntry,
  MANIFEST_NAME,
} from '../cache/cache-entry.ts';
import { loadOrder, NEEDED_MODULES, parseModulesDep } from './modules.ts';

/**
 * Meta-packages whose dependency is a current signed kernel; the first one that apt offers is
 * taken. Debian 12's own 6.1 runs KVM as well, but its Landlock lacks the right to truncate (Linux
 * 6.2), so Cloud Hypervisor cannot confine itself there.
 */
const META_PACKAGES = ['linux-image-6.12-amd64', 'linux-image-amd64'] as const;

const manifestSchema = z.object({ schema_version: z.literal(1), files: filesSchema });

export interface DebianKernel {
  readonly package_name: string;
  readonly kernel_path: string;
  /** Absolute paths of the modules in the order they are loaded. */
  readonly module_paths: readonly string[];
}

async function command(name: string, args: readonly string[], cwd?: string): Promise<string> {
  const result = await execa(name, args, {
    reject: false,
    timeout: IMAGE_LIMITS.package_download_ms,
    env: toolEnvironment(),
    extendEnv: false,
    ...(cwd === undefined ? {} : { cwd }),
  });
  if (!result.failed) return result.stdout;
  throw imageError(
    'HP_IMAGE_PACKAGE',
    `'${name} ${args.join(' ')}' failed: ${result.stderr || result.shortMessage}`,
    { cause: result },
  );
}

/** Name of the kernel package to use, e.g. `linux-image-6.12.117+deb12-amd64`. */
async function findPackage(): Promise<string> {
  for (const meta_package of META_PACKAGES) {
    // A name that apt does not know is an exit code of its own, and no reason to give up yet.
    const text = await command('apt-cache', ['depends', meta_package]).catch(() => '');
    const match = /Depends:\s*(linux-image-\S+)/.exec(text);
    if (match?.[1]) return match[1];
  }
  throw imageError('HP_IMAGE_PACKAGE', `apt knows none of ${META_PACKAGES.join(', ')}`);
}

/** Downloads the package and keeps of it what the machine boots with. */
async function unpackInto(work: string, package_name: string): Promise<void> {
  const scratch = join(work, 'package');
  const tree = join(scratch, 'x');
  const version = versionOf(package_name);
  await mkdir(scratch);
  await command('apt-get', ['download', package_name], scratch);
  const deb = (await readdir(scratch)).find((name) => name.endsWith('.deb'));
  await command('dpkg-deb', ['-x', join(scratch, deb ?? ''), tree]);
  await command('/sbin/depmod', ['-b', tree, version]);
  for (const name of await partNames(tree, version)) {
    await makeFolder(dirname(join(work, name)));
    await rename(join(tree, name), join(work, name));
  }
  await rm(scratch, { recursive: true, force: true });
}

function versionOf(package_name: string): string {
  return package_name.replace('linux-image-', '');
}

/** What the machine needs of an unpacked package: kernel, modules.dep, modules in load order. */
async function partNames(tree: string, version: string): Promise<readonly string[]> {
  const modules = join('lib', 'modules', version);
  const text = await readFile(join(tree, modules, 'modules.dep'), 'utf8');
  const order = loadOrder(parseModulesDep(text), NEEDED_MODULES).map((path) => join(modules, path));
  return [join('boot', `vmlinuz-${version}`), join(modules, 'modules.dep'), ...order];
}

async function writeManifest(dir: string, package_name: string, cache_dir: string): Promise<void> {
  const names = await partNames(dir, versionOf(package_name));
  const files = await describeFiles(dir, names, cache_dir);
  const empty = Object.keys(files).find((name) => files[name]?.bytes === 0);
  if (empty !== undefined) throw new Error(`${empty} is empty`);
  const manifest: z.infer<typeof manifestSchema> = { schema_version: 1, files };
  await writeWhole(join(dir, MANIFEST_NAME), jsonDocument(manifest));
}

/** The module as the kernel takes it: newer packages have them compressed. */
export async function readModule(path: string): Promise<Buffer> {
  if (!path.endsWith('.xz')) return await readFile(path);
  const options = {
    encoding: 'buffer',
    timeout: IMAGE_LIMITS.package_download_ms,
    env: toolEnvironment(),
    extendEnv: false,
  } as const;
  return Buffer.from((await execa('xz', ['-dc', path], options)).stdout);
}

/** Nothing in it is damaged, and it has all that is needed now: what that is may have grown. */
async function isWhole(folder: string, package_name: string, cache_dir: string): Promise<boolean> {
  const look = await lookAt(folder, manifestSchema, cache_dir);
  if (look.state !== 'ok') return false;
  const names = await partNames(folder, versionOf(package_name)).catch(() => null);
  return names?.every((name) => name in look.manifest.files) ?? false;
}

/** Makes sure the kernel is in `cache_dir`, whole, and says where its parts are. */
export async function ensureDebianKernel(cache_dir: string): Promise<DebianKernel> {
  const parent = join(cache_dir, 'debian-kernels');
  const package_name = await findPackage().catch(async (error: unknown) => {
    // Without apt's lists the newest one that was fetched before does.
    const known: string[] = await readdir(parent).catch(() => []);
    const newest = known
      .filter((name) => name.startsWith('linux-image-'))
      .toSorted(byVersion)
      .at(-1);
    if (newest === undefined) throw error;
    return newest;
  });
  const folder = join(parent, package_name);
  const isGood = async (): Promise<boolean> => await isWhole(folder, package_name, cache_dir);
  // One that was unpacked before there were manifests is taken when nothing in it is empty.
  const manifest = await stat(join(folder, MANIFEST_NAME)).catch(() => null);
  if (manifest === null) {
    await writeManifest(folder, package_name, cache_dir).catch(() => undefined);
  }
  if (!(await isGood())) {
    await makeEntry(folder, isGood, async (work) => {
      await unpackInto(work, package_name);
      await writeManifest(work, package_name, cache_dir);
    });
  }
  const [kernel = '', , ...modules] = await partNames(folder, versionOf(package_name));
  return {
    package_name,
    kernel_path: join(folder, kernel),
    module_paths: modules.map((name) => join(folder, name)),
  };
}

function byVersion(one: string, other: string): number {
  return one.localeCompare(other, 'en', { numeric: true });
}

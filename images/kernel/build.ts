/**
 * Builds a guest kernel, or finds it in the cache:
 *
 *   kernels/<key>/{bzImage or Image,config,manifest.json,build.log}   finished, moved in whole
 *   builds/<key>/tree                                        under way; resumed after an
 * interruption
 *   locks/<key>.lock                                         one build of a key at a time
 */
import { availableParallelism } from 'node:os';
import { copyFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, hostClock } from '../../base/clock.ts';
import { isHotplaneError } from '../../base/errors.ts';
import { LIMITS } from '../../base/limits.ts';
import { makeFolder } from '../../base/make-folder.ts';
import { readPlainFile } from '../../base/plain-file.ts';
import type { Progress } from '../../base/progress.ts';
import { bootId } from '../cache/boot-id.ts';
import { checkBuildPath } from '../cache/build-path.ts';
import { describeFiles, makeEntry, MANIFEST_NAME } from '../cache/cache-entry.ts';
import { notBuilt } from '../errors.ts';
import { checkKernelConfig, mergeFragments } from './config.ts';
import {
  type BuiltKernel,
  CONFIG_NAME,
  type KernelManifest,
  imageName,
  kernelFileNames,
  lookAtKernel,
  manifestText,
} from './manifest.ts';
import { kernelLabel, type KernelRecipe } from './recipe.ts';
import { copySource, type KernelSource } from './source.ts';
import { isOfLine, readKernelVersion } from './version.ts';
import { acquireLock, type Lock } from '../cache/lock.ts';
import { makeDetail } from './make-output.ts';
import { applyPatches } from './patches.ts';
import { run } from '../run.ts';
import { TOOLCHAINS } from '../toolchain.ts';
import { buildSelftest, SELFTEST_NAME } from './selftest.ts';

export interface KernelBuildOptions {
  readonly cache_dir: string;
  /** False: throw HP_IMAGE_NOT_BUILT instead of building. Default: true. */
  readonly build?: boolean;
  readonly progress: Progress;
  readonly signal?: AbortSignal | undefined;
  readonly clock?: Clock;
  /** Parallel jobs of make. Default: all processors. */
  readonly jobs?: number;
  /**
   * Options that must take effect in another line of Linux than the configuration is written for,
   * which has some of it under other names; in that line, and by default: all.
   */
  readonly needed_options?: readonly string[];
}

interface Build {
  readonly source: KernelSource;
  readonly recipe: KernelRecipe;
  readonly options: KernelBuildOptions;
  readonly clock: Clock;
  readonly lock: Lock;
  readonly dir: string;
  readonly tree: string;
  readonly log_path: string;
}

const STEPS = 5;
/** Makes the bytes depend on nothing but the inputs. */
export const BUILD_ENV = {
  KBUILD_BUILD_USER: 'hotplane',
  KBUILD_BUILD_HOST: 'hotplane',
  KBUILD_BUILD_TIMESTAMP: '2000-01-01T00:00:00Z',
  KBUILD_BUILD_VERSION: '1',
  /* Set, though empty: a tree under git adds nothing to the release that our config gives. */
  LOCALVERSION: '',
};

export async function ensureKernel(
  source: KernelSource,
  recipe: KernelRecipe,
  options: KernelBuildOptions,
): Promise<BuiltKernel> {
  const { cache_dir, progress } = options;
  const finished = join(cache_dir, 'kernels', recipe.key);
  const label = `kernel ${kernelLabel(recipe.arch, recipe.variant)}`;
  const look = await lookAtKernel(finished, cache_dir);
  if (look.state === 'ok') return look.manifest;
  const damage = look.state === 'damaged' ? look.reason : null;
  if (options.build === false) throw notBuilt(label, finished, damage);
  if (damage !== null) progress.done(`${label} in ${finished} is damaged (${damage}): built anew`);
  await checkBuildPath(cache_dir);
  const lock = await acquireLock(join(options.cache_dir, 'locks', `${recipe.key}.lock`), {
    deadline_ms: LIMITS.image_build_ms,
    onWait: (pid) => options.progress.update(`${label}: waits for the build of process ${pid}`),
    ...(options.clock ? { clock: options.clock } : {}),
    ...(options.signal ? { signal: options.signal } : {}),
  });
  try {
    const meanwhile = await lookAtKernel(finished, cache_dir);
    if (meanwhile.state === 'ok') return meanwhile.manifest;
    const dir = join(options.cache_dir, 'builds', recipe.key);
    await makeFolder(dir);
    const clock = options.clock ?? hostClock;
    const tree = join(dir, 'tree');
    const log_path = join(dir, 'build.log');
    await build({ source, recipe, options, clock, lock, dir, tree, log_path }, finished);
    const built = await lookAtKernel(finished, cache_dir);
    if (built.state === 'ok') return built.manifest;
    throw new Error(`the finished kernel is not at ${finished}`);
  } finally {
    await lock.release();
  }
}

async function build(job: Build, finished: string): Promise<void> {
  const { options, recipe, clock } = job;
  const label = (text: string): string =>
    `kernel ${kernelLabel(recipe.arch, recipe.variant)}: ${text}`;
  const resumed = await prepare(job, label);
  let started_ms = clock.nowMs();
  try {
    await compile(job, label);
  } catch (error) {
    if (!resumed || !isHotplaneError(error) || error.code !== 'HP_IMAGE_BUILD_FAILED') throw error;
    options.progress.done(`${label('what an earlier build left is of no use')}: from the start`);
    await rm(markerOf(job), { force: true });
    await prepare(job, label);
    started_ms = clock.nowMs();
    await compile(job, label);
  }
  const build_ms = clock.nowMs() - started_ms;
  options.progress.step(5, STEPS, label('finish'));
  await finish(job, finished, build_ms);
}

async function compile(job: Build, label: (text: string) => string): Promise<void> {
  const { progress } = job.options;
  progress.step(4, STEPS, label('make'));
  let files = 0;
  await make(job, [TOOLCHAINS[job.recipe.arch].image_target], (line) => {
    const detail = makeDetail(line);
    if (!detail) return;
    files += 1;
    progress.update(`${files} files, ${detail}`);
  });
}

function markerOf({ dir }: Build): string {
  return join(dir, 'prepared');
}

/**
 * What an earlier build left can be gone on with: prepared to the end, since this boot. A machine
 * that went down may have lost what make wrote last, and make would take an empty file for done.
 */
async function canResume(job: Build): Promise<boolean> {
  const written = await readPlainFile(markerOf(job)).catch(() => null);
  if (written === null || !(await stat(join(job.tree, '.config')).catch(() => null))) return false;
  return written === '' || written === (await bootId());
}

/**
 * Source, patches and config; skipped as a whole, and true, when an earlier build got through it.
 */
async function prepare(job: Build, label: (text: string) => string): Promise<boolean> {
  const { options, recipe, source, tree, dir } = job;
  if (await canResume(job)) return true;
  options.progress.step(1, STEPS, label(`source ${source.path}`));
  const sources_lock = await acquireLock(join(options.cache_dir, 'locks', 'sources.lock'), {
    deadline_ms: LIMITS.image_build_ms,
    onWait: (pid) => options.progress.update(`waits for process ${pid} to unpack`),
    ...(options.signal ? { signal: options.signal } : {}),
  });
  try {
    const { cache_dir, signal } = options;
    const context = { cache_dir, log_path: job.log_path, lock: sources_lock };
    await copySource(source, tree, { ...context, signal });
  } finally {
    await sources_lock.release();
  }
  options.progress.step(2, STEPS, label(`${recipe.patches.length} patches`));
  const onFuzz = (text: string): void => options.progress.done(text);
  await applyPatches(recipe.patches, tree, { ...toolOptions(job), onFuzz });
  options.progress.step(3, STEPS, label('configuration'));
  const fragment = mergeFragments(recipe.fragments.map((part) => part.text));
  await writeFile(join(dir, 'fragment.config'), fragment);
  await make(job, [`KCONFIG_ALLCONFIG=${join(dir, 'fragment.config')}`, 'allnoconfig']);
  const needed = neededOf(fragment, options, await readKernelVersion(tree));
  checkKernelConfig(needed, await readPlainFile(join(tree, '.config')));
  await writeFile(markerOf(job), await bootId());
  return false;
}

function neededOf(
  fragment: string,
  { needed_options }: KernelBuildOptions,
  version: string | null,
): string {
  if (needed_options === undefined || version === null || isOfLine(version)) return fragment;
  const lines = fragment.split('\n');
  return lines
    .filter((line) => needed_options.some((name) => line.startsWith(`${name}=`)))
    .join('\n');
}

async function make(
  job: Build,
  targets: readonly string[],
  onLine: (line: string) => void = () => {},
): Promise<void> {
  const jobs = job.options.jobs ?? availableParallelism();
  const { make_variables } = TOOLCHAINS[job.recipe.arch];
  await run(['make', `--jobs=${jobs}`, ...make_variables, ...targets], {
    ...toolOptions(job),
    cwd: job.tree,
    env: BUILD_ENV,
    onLine,
  });
}

async function finish(job: Build, finished: string, build_ms: number): Promise<void> {
  const { options, recipe, tree, dir } = job;
  const { arch } = recipe;
  const image = imageName(arch);
  const isGood = async (): Promise<boolean> =>
    (await lookAtKernel(finished, options.cache_dir)).state === 'ok';
  await makeEntry(finished, isGood, async (work) => {
    const selftest = await buildSelftest(arch, tree, join(work, SELFTEST_NAME), toolOptions(job));
    await copyFile(join(tree, TOOLCHAINS[arch].boot_dir, image), join(work, image));
    await copyFile(join(tree, '.config'), join(work, CONFIG_NAME));
    await copyFile(job.log_path, join(work, 'build.log'));
    const manifest = await describeKernel(job, { work, selftest, build_ms });
    await writeFile(join(work, MANIFEST_NAME), manifestText(manifest));
  });
  await rm(dir, { recursive: true, force: true });
}

async function describeKernel(
  { options, recipe, source, tree }: Build,
  made: { readonly work: string; readonly selftest: boolean; readonly build_ms: number },
): Promise<KernelManifest> {
  const kernel_version = (await readKernelVersion(tree)) ?? 'unknown';
  const names = kernelFileNames(recipe.arch, made.selftest);
  return {
    schema_version: 1,
    key: recipe.key,
    arch: recipe.arch,
    variant: recipe.variant,
    kernel_version,
    release: `${kernel_version}${recipe.local_version}`,
    series_revision: recipe.series_revision,
    source,
    patches: recipe.patches.map((patch) => patch.name),
    fragments: recipe.fragments.map((part) => part.name),
    compiler: recipe.compiler,
    image_bytes: (await stat(join(made.work, imageName(recipe.arch)))).size,
    selftest: made.selftest,
    build_ms: Math.round(made.build_ms),
    files: await describeFiles(made.work, names, options.cache_dir),
  };
}

function toolOptions(job: Build): {
  log_path: string;
  lock_fd: number;
  signal?: AbortSignal | undefined;
} {
  const { log_path, lock, options } = job;
  return { log_path, lock_fd: lock.fd, signal: options.signal };
}

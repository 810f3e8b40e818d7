/**
 * Builds a guest kernel, or finds it in the cache:
 *
 *   kernels/<key>/{bzImage,config,manifest.json,build.log}   finished, moved in whole
 *   builds/<key>/tree                                        under way; resumed after an interruption
 *   locks/<key>.lock                                         one build of a key at a time
 */
import { availableParallelism } from 'node:os';
import { copyFile, mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, hostClock } from '../base/clock.ts';
import { LIMITS } from '../base/limits.ts';
import type { Progress } from '../base/progress.ts';
import { compilerVersion } from './compiler.ts';
import { notBuilt } from './errors.ts';
import { checkConfig, mergeFragments } from './kernel-config.ts';
import type { KernelRecipe, KernelVariant } from './kernel-recipe.ts';
import { copySource, type KernelSource } from './kernel-source.ts';
import { kernelVersion } from './kernel-version.ts';
import { acquireLock, type Lock } from './lock.ts';
import { makeDetail } from './make-output.ts';
import { applyPatches } from './patches.ts';
import { run } from './run.ts';
import { buildSelftest, SELFTEST_NAME } from './selftest.ts';

export interface KernelManifest {
  readonly schema_version: 1;
  readonly key: string;
  readonly variant: KernelVariant;
  readonly kernel_version: string;
  /** What `uname -r` says in the guest: version, variant, series revision and the key's start. */
  readonly release: string;
  readonly series_revision: string | null;
  readonly source: KernelSource;
  readonly patches: readonly string[];
  readonly fragments: readonly string[];
  readonly compiler: string;
  readonly image_bytes: number;
  readonly selftest: boolean;
  /** Of the last run of make: less than a cold build when an interrupted one was resumed. */
  readonly build_ms: number;
}

export interface BuiltKernel {
  readonly kernel_path: string;
  readonly manifest: KernelManifest;
  readonly selftest_path: string | null;
}

export interface KernelBuildOptions {
  readonly cache_dir: string;
  /** False: throw HP_IMAGE_NOT_BUILT instead of building. Default: true. */
  readonly build?: boolean;
  readonly progress: Progress;
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
  /** Parallel jobs of make. Default: all processors. */
  readonly jobs?: number;
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
const BUILD_ENV = {
  KBUILD_BUILD_USER: 'hotplane',
  KBUILD_BUILD_HOST: 'hotplane',
  KBUILD_BUILD_TIMESTAMP: '2000-01-01T00:00:00Z',
  KBUILD_BUILD_VERSION: '1',
};

export async function ensureKernel(
  source: KernelSource,
  recipe: KernelRecipe,
  options: KernelBuildOptions,
): Promise<BuiltKernel> {
  const finished = join(options.cache_dir, 'kernels', recipe.key);
  const known = await readFinished(finished);
  if (known) return known;
  if (options.build === false) throw notBuilt(`kernel '${recipe.variant}'`, finished);
  const label = `kernel ${recipe.variant}`;
  const lock = await acquireLock(join(options.cache_dir, 'locks', `${recipe.key}.lock`), {
    deadline_ms: LIMITS.image_build_ms,
    onWait: (pid) => options.progress.update(`${label}: waits for the build of process ${pid}`),
    ...(options.clock ? { clock: options.clock } : {}),
    ...(options.signal ? { signal: options.signal } : {}),
  });
  try {
    const built_meanwhile = await readFinished(finished);
    if (built_meanwhile) return built_meanwhile;
    const dir = join(options.cache_dir, 'builds', recipe.key);
    await mkdir(dir, { recursive: true });
    const clock = options.clock ?? hostClock;
    const tree = join(dir, 'tree');
    const log_path = join(dir, 'build.log');
    await build({ source, recipe, options, clock, lock, dir, tree, log_path }, finished);
    const built = await readFinished(finished);
    if (built) return built;
    throw new Error(`the finished kernel is not at ${finished}`);
  } finally {
    await lock.release();
  }
}

async function build(job: Build, finished: string): Promise<void> {
  const { options, recipe, clock } = job;
  const label = (text: string): string => `kernel ${recipe.variant}: ${text}`;
  await prepare(job, label);
  options.progress.step(4, STEPS, label('make'));
  const started_ms = clock.nowMs();
  let files = 0;
  await make(job, ['bzImage'], (line) => {
    const detail = makeDetail(line);
    if (!detail) return;
    files += 1;
    options.progress.update(`${files} files, ${detail}`);
  });
  const build_ms = clock.nowMs() - started_ms;
  options.progress.step(5, STEPS, label('finish'));
  await finish(job, finished, build_ms);
}

/** Source, patches and config; skipped as a whole when an earlier build got through it. */
async function prepare(job: Build, label: (text: string) => string): Promise<void> {
  const { options, recipe, source, tree, dir } = job;
  const marker = join(dir, 'prepared');
  if (await stat(marker).catch(() => null)) return;
  options.progress.step(1, STEPS, label(`source ${source.path}`));
  const sources_lock = await acquireLock(join(options.cache_dir, 'locks', 'sources.lock'), {
    deadline_ms: LIMITS.image_build_ms,
    onWait: (pid) => options.progress.update(`waits for process ${pid} to unpack`),
    ...(options.signal ? { signal: options.signal } : {}),
  });
  try {
    const { cache_dir, signal } = options;
    const context = { cache_dir, log_path: job.log_path, lock: sources_lock };
    await copySource(source, tree, { ...context, ...(signal ? { signal } : {}) });
  } finally {
    await sources_lock.release();
  }
  options.progress.step(2, STEPS, label(`${recipe.patches.length} patches`));
  await applyPatches(recipe.patches, tree, toolOptions(job));
  options.progress.step(3, STEPS, label('configuration'));
  const fragment = mergeFragments(recipe.fragments.map((part) => part.text));
  await writeFile(join(dir, 'fragment.config'), fragment);
  await make(job, [`KCONFIG_ALLCONFIG=${join(dir, 'fragment.config')}`, 'allnoconfig']);
  checkConfig(fragment, await readFile(join(tree, '.config'), 'utf8'));
  await writeFile(marker, '');
}

async function make(
  job: Build,
  targets: readonly string[],
  onLine: (line: string) => void = () => {},
): Promise<void> {
  const jobs = job.options.jobs ?? availableParallelism();
  await run(['make', `--jobs=${jobs}`, ...targets], {
    ...toolOptions(job),
    cwd: job.tree,
    env: BUILD_ENV,
    onLine,
  });
}

async function finish(job: Build, finished: string, build_ms: number): Promise<void> {
  const { options, recipe, source, tree, dir } = job;
  const kernels = join(options.cache_dir, 'kernels');
  await mkdir(kernels, { recursive: true });
  const work = await mkdtemp(join(kernels, '.finish-'));
  try {
    const selftest = await buildSelftest(tree, join(work, SELFTEST_NAME), toolOptions(job));
    await copyFile(join(tree, 'arch/x86/boot/bzImage'), join(work, 'bzImage'));
    await copyFile(join(tree, '.config'), join(work, 'config'));
    await copyFile(job.log_path, join(work, 'build.log'));
    const kernel_version = await kernelVersion(tree);
    const manifest: KernelManifest = {
      schema_version: 1,
      key: recipe.key,
      variant: recipe.variant,
      kernel_version,
      release: `${kernel_version}${recipe.local_version}`,
      series_revision: recipe.series_revision,
      source,
      patches: recipe.patches.map((patch) => patch.name),
      fragments: recipe.fragments.map((part) => part.name),
      compiler: await compilerVersion(),
      image_bytes: (await stat(join(work, 'bzImage'))).size,
      selftest,
      build_ms: Math.round(build_ms),
    };
    await writeFile(join(work, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
    await rename(work, finished);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  await rm(dir, { recursive: true, force: true });
}

async function readFinished(dir: string): Promise<BuiltKernel | null> {
  const text = await readFile(join(dir, 'manifest.json'), 'utf8').catch(() => null);
  if (text === null) return null;
  const manifest = parseManifest(text);
  if (!manifest) return null;
  return {
    kernel_path: join(dir, 'bzImage'),
    manifest,
    selftest_path: manifest.selftest ? join(dir, SELFTEST_NAME) : null,
  };
}

/** Our own file; one of another schema counts as not there and is built anew. */
function parseManifest(text: string): KernelManifest | null {
  const manifest: KernelManifest = JSON.parse(text);
  return manifest.schema_version === 1 ? manifest : null;
}

function toolOptions(job: Build): { log_path: string; lock_fd: number; signal?: AbortSignal } {
  const { log_path, lock, options } = job;
  return { log_path, lock_fd: lock.fd, ...(options.signal ? { signal: options.signal } : {}) };
}

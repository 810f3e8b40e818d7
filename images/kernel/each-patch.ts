/**
 * The kernel after each patch of a series, one after the other in one tree, so that make compiles
 * only what a patch changed:
 *
 *   builds/<key>/{tree,build.log,state.json}   taken up again after an interruption
 */
import { availableParallelism } from 'node:os';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import type { GuestArch } from '../../base/guest-arch.ts';
import { type Clock, hostClock } from '../../base/clock.ts';
import { isHotplaneError } from '../../base/errors.ts';
import { LIMITS } from '../../base/limits.ts';
import { makeFolder } from '../../base/make-folder.ts';
import { readPlainFile } from '../../base/plain-file.ts';
import type { Progress } from '../../base/progress.ts';
import { bootId } from '../cache/boot-id.ts';
import { checkBuildPath } from '../cache/build-path.ts';
import { contentKey } from '../cache/content-hash.ts';
import { acquireLock, type Lock } from '../cache/lock.ts';
import { run } from '../run.ts';
import { TOOLCHAINS } from '../toolchain.ts';
import { BUILD_ENV } from './build.ts';
import { mergeFragments, parseConfig } from './config.ts';
import { makeDetail } from './make-output.ts';
import { applyPatches } from './patches.ts';
import type { KernelParts } from './recipe.ts';
import { copySource, type KernelSource } from './source.ts';
import { filesOfPatch, isBuilt, objectOf } from './touched.ts';

export interface EachPatchOptions {
  readonly source: KernelSource;
  readonly parts: KernelParts;
  readonly compiler: string;
  /** Only the objects of files that the patch touches; no image then. */
  readonly objects_only: boolean;
  /** The first patch that is built, counted from 1; those before it only go in. */
  readonly from: number;
  /** A compiler cache in front of gcc. */
  readonly ccache: boolean;
  readonly cache_dir: string;
  readonly progress: Progress;
  readonly jobs?: number;
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
}

export interface PatchBuild {
  /** Counted from 1. */
  readonly index: number;
  readonly name: string;
  /** `applied`: it comes before the first that is built. */
  readonly outcome: 'applied' | 'built' | 'not-built' | 'rejected';
  /** Objects that were asked for; null: all of the kernel. */
  readonly objects: number | null;
  readonly warnings: number;
  readonly build_ms: number;
  /** Compiler errors, or which hunk did not fit. */
  readonly lines: readonly string[];
  readonly image_path: string | null;
}

const stateSchema = z.object({
  boot_id: z.string(),
  /** Patches that are in the tree; null while one goes in. */
  applied: z.number().int().nonnegative().nullable(),
  /** Patches that were told of. */
  done: z.number().int().nonnegative(),
});
type State = z.infer<typeof stateSchema>;

interface Job {
  readonly options: EachPatchOptions;
  readonly dir: string;
  readonly tree: string;
  readonly lock: Lock;
}

/**
 * Builds after each patch; goes on behind one that does not build, and ends at one that does not
 * apply. What was told of in an earlier run that was interrupted is not told again.
 */
export async function* buildEachPatch(options: EachPatchOptions): AsyncGenerator<PatchBuild> {
  const { parts, cache_dir, progress, signal } = options;
  await checkBuildPath(cache_dir);
  const key = keyOf(options);
  const dir = join(cache_dir, 'builds', key);
  await makeFolder(dir);
  const lock = await acquireLock(join(cache_dir, 'locks', `${key}.lock`), {
    deadline_ms: LIMITS.image_build_ms,
    onWait: (pid) => progress.update(`waits for process ${pid}`),
    ...(signal ? { signal } : {}),
  });
  try {
    const job = { options, dir, tree: join(dir, 'tree'), lock };
    const state = await begin(job);
    for (let at = state.done; at < parts.patches.length; at += 1) {
      progress.step(at + 1, parts.patches.length, parts.patches[at]?.name ?? '');
      const built = await buildPatch(job, state, at);
      yield built;
      if (built.outcome === 'rejected') return;
      state.done = at + 1;
      await writeState(job, state);
    }
    await rm(dir, { recursive: true, force: true });
  } finally {
    await lock.release();
  }
}

function keyOf({ source, parts, compiler, objects_only, from }: EachPatchOptions): string {
  return contentKey({
    what: 'each patch',
    source: source.identity,
    compiler,
    arch: parts.arch,
    objects_only: String(objects_only),
    from: String(from),
    patches: JSON.stringify(parts.patch_texts),
    fragments: JSON.stringify(parts.fragments),
  });
}

/** The tree as an earlier run left it, else a fresh one. */
async function begin(job: Job): Promise<State> {
  const { options, dir, tree } = job;
  const { cache_dir, signal, source, parts } = options;
  const boot_id = await bootId();
  const known = await readPlainFile(join(dir, 'state.json')).then(
    (text) => stateSchema.parse(JSON.parse(text)),
    () => null,
  );
  if (known !== null && known.boot_id === boot_id && known.applied !== null) return known;
  options.progress.done(`copies ${source.path}`);
  const sources_lock = await acquireLock(join(cache_dir, 'locks', 'sources.lock'), {
    deadline_ms: LIMITS.image_build_ms,
    ...(signal ? { signal } : {}),
  });
  try {
    const context = { cache_dir, log_path: join(dir, 'build.log'), lock: sources_lock };
    await copySource(source, tree, { ...context, ...(signal ? { signal } : {}) });
  } finally {
    await sources_lock.release();
  }
  const fragment = mergeFragments(parts.fragments.map(({ text }) => text));
  await writeFile(join(dir, 'fragment.config'), fragment);
  const fresh = { boot_id, applied: 0, done: 0 };
  await writeState(job, fresh);
  return fresh;
}

async function writeState({ dir }: Job, state: State): Promise<void> {
  await writeFile(join(dir, 'state.json'), JSON.stringify(state));
}

async function buildPatch(job: Job, state: State, at: number): Promise<PatchBuild> {
  const { options, tree } = job;
  const clock = options.clock ?? hostClock;
  const began_ms = clock.nowMs();
  const patch = options.parts.patches[at];
  const told = { index: at + 1, name: patch?.name ?? '', objects: null, warnings: 0 };
  const none = { ...told, build_ms: 0, image_path: null };
  if (state.applied === at && patch) {
    await writeState(job, { ...state, applied: null });
    try {
      const onFuzz = (text: string): void => options.progress.done(text);
      await applyPatches([patch], tree, { ...toolOptions(job), onFuzz });
    } catch (error) {
      if (!isHotplaneError(error) || error.code !== 'HP_IMAGE_PATCH_FAILED') throw error;
      return { ...none, outcome: 'rejected', lines: [error.message] };
    }
    state.applied = at + 1;
    await writeState(job, state);
  }
  if (at + 1 < options.from) return { ...none, outcome: 'applied', lines: [] };
  const compiled = await compile(job, options.parts.patch_texts[at] ?? '');
  const { boot_dir, image_target } = TOOLCHAINS[options.parts.arch];
  const has_image = !options.objects_only && compiled.lines.length === 0;
  return {
    ...told,
    ...compiled,
    outcome: compiled.lines.length === 0 ? 'built' : 'not-built',
    build_ms: Math.round(clock.nowMs() - began_ms),
    image_path: has_image ? join(tree, boot_dir, image_target) : null,
  };
}

const ERROR_LINES = 10;

async function compile(
  job: Job,
  patch_text: string,
): Promise<Pick<PatchBuild, 'objects' | 'warnings' | 'lines'>> {
  const { options, dir, tree } = job;
  const { arch } = options.parts;
  const lines: string[] = [];
  let warnings = 0;
  const onLine = (line: string): void => {
    if (/\bwarning: /.test(line)) warnings += 1;
    if (/\berror: |undefined reference|\*\*\* /.test(line)) lines.push(line);
    const detail = makeDetail(line);
    if (detail !== null) options.progress.update(detail);
  };
  try {
    await make(job, [`KCONFIG_ALLCONFIG=${join(dir, 'fragment.config')}`, 'allnoconfig'], onLine);
    const objects = options.objects_only ? await objectsOf(tree, patch_text, arch) : null;
    const targets = objects === null ? [TOOLCHAINS[arch].image_target] : ['prepare', ...objects];
    await make(job, ['--keep-going', ...targets], onLine);
    return { objects: objects?.length ?? null, warnings, lines: [] };
  } catch (error) {
    if (!isHotplaneError(error) || error.code !== 'HP_IMAGE_BUILD_FAILED') throw error;
    const found = lines.length === 0 ? [error.message] : lines;
    return { objects: null, warnings, lines: found.slice(0, ERROR_LINES) };
  }
}

/** Name of an instruction set below `arch/`: `arch/x86/boot` is where its image lies. */
function archFolder(arch: GuestArch): string {
  return TOOLCHAINS[arch].boot_dir.split('/')[1] ?? '';
}

/** Those that this configuration builds. */
async function objectsOf(
  tree: string,
  patch_text: string,
  arch: GuestArch,
): Promise<readonly string[]> {
  const config = parseConfig(await readPlainFile(join(tree, '.config')));
  const textOf = async (...path: string[]): Promise<string> =>
    await readFile(join(tree, ...path), 'utf8').catch(() => '');
  const makefileOf = async (folder: string): Promise<string> =>
    `${await textOf(folder, 'Kbuild')}\n${await textOf(folder, 'Makefile')}`;
  const found: string[] = [];
  for (const file of filesOfPatch(patch_text)) {
    const object = objectOf(file, archFolder(arch));
    if (object === null) continue;
    const folder = dirname(object);
    const in_folder = isBuilt(await makefileOf(folder), basename(object), config);
    // A folder that nothing names is not built yet: the option may come with a later patch.
    const parent = isBuilt(await makefileOf(dirname(folder)), `${basename(folder)}/`, config);
    if (in_folder !== false && parent === true) found.push(object);
  }
  return found;
}

async function make(
  job: Job,
  targets: readonly string[],
  onLine: (line: string) => void,
): Promise<void> {
  const { parts, ccache, jobs = availableParallelism() } = job.options;
  const { gcc, make_variables } = TOOLCHAINS[parts.arch];
  const compiler = ccache ? [`CC=ccache ${gcc}`] : [];
  await run(['make', `--jobs=${jobs}`, ...make_variables, ...compiler, ...targets], {
    ...toolOptions(job),
    cwd: job.tree,
    env: BUILD_ENV,
    onLine,
  });
}

function toolOptions({ dir, lock, options }: Job): {
  log_path: string;
  lock_fd: number;
  signal?: AbortSignal;
} {
  const signal = options.signal ? { signal: options.signal } : {};
  return { log_path: join(dir, 'build.log'), lock_fd: lock.fd, ...signal };
}

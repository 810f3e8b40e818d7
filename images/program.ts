/** A C program compiled static by the host's compiler, kept in the cache by its content. */
import { mkdir, mkdtemp, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheDir } from '../base/paths.ts';
import { compilerVersion } from './compiler.ts';
import { contentKey } from './content-hash.ts';
import { notBuilt } from './errors.ts';
import { run } from './run.ts';

const C_FLAGS: readonly string[] = [
  '-std=gnu11',
  '-D_GNU_SOURCE',
  '-O2',
  '-Wall',
  '-Wextra',
  '-Werror',
  '-static',
  '-s',
];

export interface StaticProgramOptions {
  readonly name: string;
  /** Absolute paths of the C files. */
  readonly sources: readonly string[];
  /** Absolute paths of what they include from us; only for the key. */
  readonly headers?: readonly string[];
  readonly cache_dir?: string;
  /** False: throw HP_IMAGE_NOT_BUILT instead of compiling. Default: true. */
  readonly build?: boolean;
  readonly signal?: AbortSignal;
}

/** Path of the program, compiled now or earlier. Throws HP_IMAGE_* when it does not compile. */
export async function ensureStaticProgram(options: StaticProgramOptions): Promise<string> {
  const inputs: Record<string, string | Uint8Array> = {
    compiler: await compilerVersion(),
    flags: C_FLAGS.join(' '),
    order: options.sources.length.toString(),
  };
  for (const [index, path] of [...options.sources, ...(options.headers ?? [])].entries()) {
    inputs[`${index}`] = await readFile(path);
  }
  const parent = join(options.cache_dir ?? cacheDir(), 'programs');
  const finished = join(parent, `${options.name}-${contentKey(inputs)}`);
  if (await stat(finished).catch(() => null)) return finished;
  if (options.build === false) throw notBuilt(`program '${options.name}'`, finished);
  await mkdir(parent, { recursive: true });
  const work = await mkdtemp(join(parent, '.build-'));
  try {
    const out = join(work, options.name);
    await run(['gcc', ...C_FLAGS, '-o', out, ...options.sources], {
      cwd: work,
      log_path: join(parent, `${options.name}.log`),
      ...(options.signal ? { signal: options.signal } : {}),
    });
    await rename(out, finished);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return finished;
}

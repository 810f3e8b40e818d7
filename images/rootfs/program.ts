/** A C program compiled static for a guest, kept in the cache by its content. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { isHotplaneError } from '../../base/errors.ts';
import { DEFAULT_ARCH, type GuestArch } from '../../base/guest-arch.ts';
import { IMAGE_LIMITS } from '../limits.ts';
import { jsonDocument } from '../../base/json.ts';
import { cacheDir } from '../../base/paths.ts';
import {
  describeFiles,
  filesSchema,
  lookAt,
  type CacheLook,
  makeEntry,
  MANIFEST_NAME,
} from '../cache/cache-entry.ts';
import { compilerVersion } from './compiler.ts';
import { contentKey } from '../cache/content-hash.ts';
import { notBuilt } from '../errors.ts';
import { run } from '../run.ts';
import { TOOLCHAINS } from '../toolchain.ts';

const C_FLAGS: readonly string[] = [
  '-std=gnu11',
  '-D_GNU_SOURCE',
  '-O2',
  '-Wall',
  '-Wextra',
  '-Werror',
];
/** Programs run in a guest that has no libraries; a plugin is loaded into a program of the host. */
const KIND_FLAGS = {
  program: ['-static', '-s'],
  plugin: ['-shared', '-fPIC', '-s'],
} as const;

const manifestSchema = z.object({
  schema_version: z.literal(1),
  compiler: z.string().max(4096),
  files: filesSchema,
});
type ProgramManifest = z.infer<typeof manifestSchema>;

export interface StaticProgramOptions {
  readonly name: string;
  /** Absolute paths of the C files. */
  readonly sources: readonly string[];
  /** Absolute paths of what they include from us; only for the key. */
  readonly headers?: readonly string[];
  /** Static libraries of the system, as `-l` names them. */
  readonly libraries?: readonly string[];
  /** Default: a program. A plugin is a shared object. */
  readonly kind?: keyof typeof KIND_FLAGS;
  /** Of the preprocessor, as `-D` takes them. */
  readonly defines?: readonly string[];
  /** Default: x86-64. */
  readonly arch?: GuestArch;
  readonly cache_dir?: string;
  /** False: throw HP_IMAGE_NOT_BUILT instead of compiling. Default: true. */
  readonly build?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Path of the program, compiled now or earlier: `programs/<name>/<key>/<name>`. Where no compiler
 * is, one that another compiler made of the same sources does. Throws HP_IMAGE_* when it does not
 * compile.
 */
export async function ensureStaticProgram(options: StaticProgramOptions): Promise<string> {
  const { name, build = true, arch = DEFAULT_ARCH } = options;
  const cache_dir = options.cache_dir ?? cacheDir();
  const parent = join(cache_dir, 'programs', name);
  const inputs = await readInputs(options);
  const compiler = await compilerVersion(arch).catch((error: unknown) => {
    if (isHotplaneError(error) && error.code === 'HP_IMAGE_TOOL_MISSING') return error;
    throw error;
  });
  const known = typeof compiler === 'string' ? keyOf(inputs, compiler) : null;
  if (known !== null && (await look(parent, known, name, cache_dir)).state === 'ok') {
    return join(parent, known, name);
  }
  if (!build || typeof compiler !== 'string' || known === null) {
    const other = await findByInputs(parent, inputs, name, cache_dir);
    if (other !== null) return join(parent, other, name);
    throw typeof compiler !== 'string' && build ? compiler : notBuilt(`program ${name}`, parent);
  }
  const finished = join(parent, known);
  const isGood = async (): Promise<boolean> =>
    (await look(parent, known, name, cache_dir)).state === 'ok';
  await makeEntry(finished, isGood, async (work) => {
    const libraries = (options.libraries ?? []).map((library) => `-l${library}`);
    const made = ['-o', join(work, name), ...options.sources, ...libraries];
    await run([TOOLCHAINS[arch].gcc, ...flagsOf(options), ...made], {
      cwd: work,
      log_path: join(parent, `${name}.log`),
      ...(options.signal ? { signal: options.signal } : {}),
    });
    const files = await describeFiles(work, [name], cache_dir);
    const manifest: ProgramManifest = { schema_version: 1, compiler, files };
    await writeFile(join(work, MANIFEST_NAME), jsonDocument(manifest));
  });
  return join(finished, name);
}

const flagsOf = ({ kind = 'program', defines = [] }: StaticProgramOptions): readonly string[] => [
  ...C_FLAGS,
  ...KIND_FLAGS[kind],
  ...defines.map((define) => `-D${define}`),
];

type Inputs = Readonly<Record<string, string | Uint8Array>>;

async function readInputs(options: StaticProgramOptions): Promise<Inputs> {
  const inputs: Record<string, string | Uint8Array> = {
    flags: flagsOf(options).join(' '),
    order: options.sources.length.toString(),
    ...(options.libraries ? { libraries: options.libraries.join(' ') } : {}),
    ...(options.arch === undefined || options.arch === DEFAULT_ARCH ? {} : { arch: options.arch }),
  };
  for (const [index, path] of [...options.sources, ...(options.headers ?? [])].entries()) {
    inputs[`${index}`] = await readFile(path);
  }
  return inputs;
}

function keyOf(inputs: Inputs, compiler: string): string {
  return contentKey({ ...inputs, compiler });
}

async function look(
  parent: string,
  key: string,
  name: string,
  cache_dir: string,
): Promise<CacheLook<ProgramManifest>> {
  const found = await lookAt(join(parent, key), manifestSchema, cache_dir);
  if (found.state !== 'ok' || found.manifest.files[name]) return found;
  return { state: 'damaged', reason: `${MANIFEST_NAME} does not tell of ${name}` };
}

/** Key of a usable program that its manifest's compiler made of these inputs. */
async function findByInputs(
  parent: string,
  inputs: Inputs,
  name: string,
  cache_dir: string,
): Promise<string | null> {
  const keys: string[] = await readdir(parent).catch(() => []);
  for (const key of keys.toSorted().slice(0, IMAGE_LIMITS.cached_programs)) {
    const found = await look(parent, key, name, cache_dir);
    if (found.state === 'ok' && keyOf(inputs, found.manifest.compiler) === key) return key;
  }
  return null;
}

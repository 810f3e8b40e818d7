/** From a manifest to the program of a spec: package and runtime are built, or found. */
import { dirname, resolve } from 'node:path';
import { type FunctionProgram, functionProgramSchema } from '../../agent/model/program.ts';
import type { Progress } from '../../base/progress.ts';
import { MIB } from '../../base/units.ts';
import { type YamlText, checkYaml, readYaml } from '../../base/yaml.ts';
import { buildFolder, importImage, TASK_FOLDER } from '../../images/packages/build.ts';
import { findNamed, type NamedPackage } from '../../images/packages/named.ts';
import type { OciSource } from '../../images/packages/oci.ts';
import { findPackage, type Package } from '../../images/packages/package.ts';
import { RUNTIMES } from '../../images/runtimes/recipes.ts';
import { ensureRuntime, type Runtime } from '../../images/runtimes/runtime.ts';
import { type FunctionManifest, functionFileSchema, hasHandlers } from './manifest.ts';
import { sourceOf } from './source.ts';

export interface ReadManifest {
  readonly manifest: FunctionManifest;
  readonly text: YamlText;
  /** Of the file, where its folders begin. */
  readonly dir: string;
}

/** Reads, unless it was read, and checks a `function.yaml`. Throws HP_YAML with line and column. */
export async function readFunctionFile(path: string, read?: YamlText): Promise<ReadManifest> {
  const text = read ?? (await readYaml(path));
  return { manifest: checkYaml(text, functionFileSchema), text, dir: dirname(resolve(path)) };
}

export interface MakeOptions {
  readonly cache_dir: string;
  readonly progress: Progress;
  readonly signal?: AbortSignal;
}

export interface MadeFunction {
  readonly function: Package;
  readonly named: NamedPackage;
  /** Null: the package is all there is. */
  readonly runtime: Runtime | null;
}

/** Makes package and runtime of a function, or finds them. Throws HP_IMAGE_*. */
export async function makeFunction(
  { manifest, dir }: ReadManifest,
  { cache_dir, progress, signal }: MakeOptions,
): Promise<MadeFunction> {
  const { name, runtime } = manifest;
  const options = { cache_dir, ...(signal ? { signal } : {}) };
  const source = sourceOf(manifest.package);
  if (source.kind === 'folder') {
    const folder = { ...options, name, runtime: runtime ?? null };
    await buildFolder(resolve(dir, source.path), folder);
  } else if (source.kind === 'image') {
    const image: OciSource = { form: source.form, path: resolve(dir, source.path) };
    await importImage(image, { ...options, name });
  }
  const named = await findNamed(cache_dir, source.kind === 'name' ? source.name : name);
  return {
    function: await findPackage(cache_dir, named.key),
    named,
    runtime: runtime ? await ensureRuntime(runtime, { ...options, progress }) : null,
  };
}

/** Where programs are looked for when nobody says. */
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** What is to run: of the manifest, then the image, then the runtime. Throws HP_YAML. Pure. */
export function programOf({ manifest, text }: ReadManifest, made: MadeFunction): FunctionProgram {
  const { config } = made.named;
  const is_folder = config === null;
  const command = manifest.command ?? handlerCommand(manifest) ?? config?.command ?? [];
  if (command.length === 0) {
    throw text.error([text.problemAt([], 'command is missing: nothing says what is to run')]);
  }
  const variables = new Map<string, string>([
    ['PATH', PATH],
    ...(is_folder ? ([['LAMBDA_TASK_ROOT', TASK_FOLDER]] as const) : []),
    ...(manifest.interface === 'lambda' ? handlerVariable(manifest, command) : []),
    ...runtimeVariables(manifest),
    ...(config?.environment ?? []).map(splitVariable),
    ...Object.entries(manifest.environment).map(([name, value]) => [name, `${value}`] as const),
  ]);
  const { user, tmp, timeout } = manifest;
  return checked(text, {
    function_key: made.function.key,
    base_key: made.runtime?.made.key ?? null,
    interface: manifest.interface,
    command,
    environment: [...variables].map(([name, value]) => `${name}=${value}`),
    working_folder:
      manifest.working_folder ?? config?.working_folder ?? (is_folder ? TASK_FOLDER : null),
    user: user === undefined ? (config?.user ?? null) : `${user}`,
    tmp_bytes: tmp ?? null,
    timeout_ms: timeout === undefined ? null : Math.ceil(timeout),
  });
}

/** As the agent will: what an image brings is in it, too. Throws HP_YAML. */
function checked(text: YamlText, program: FunctionProgram): FunctionProgram {
  const [issue] = functionProgramSchema.safeParse(program).error?.issues ?? [];
  if (!issue) return program;
  const [part, ...where] = issue.path;
  const of_image = where.length > 0 ? ` (${where.join('.')})` : '';
  throw text.error([text.problemAt([], `${String(part)}${of_image}: ${issue.message}`)]);
}

/**
 * `_HANDLER`, which AWS documents and clients of its Runtime API look for: the last argument of a
 * command that has some, as the Runtime Interface Emulator of AWS takes it.
 */
function handlerVariable(
  { handler }: FunctionManifest,
  [, ...args]: readonly string[],
): readonly (readonly [string, string])[] {
  const told = handler ?? args.at(-1);
  return told === undefined ? [] : [['_HANDLER', told]];
}

/** What a runtime is told beside, unless image or manifest says otherwise. */
function runtimeVariables(manifest: FunctionManifest): readonly (readonly [string, string])[] {
  if (manifest.runtime === 'node') return [['NODE_OPTIONS', heapOption(manifest)]];
  // Python keeps 8 KiB of what it prints to itself: a function's last lines came late, or never.
  const is_python = manifest.runtime !== undefined && RUNTIMES[manifest.runtime].compiles_python;
  return is_python ? [['PYTHONUNBUFFERED', '1']] : [];
}

/**
 * Node takes its heap's limit from the host's memory, or a part of the cgroup's, by version; the
 * rest is for its code, buffers and young objects.
 */
function heapOption({ memory }: FunctionManifest): string {
  return `--max-old-space-size=${Math.max(16, Math.floor((memory.max / MIB) * 0.75))}`;
}

function handlerCommand({ runtime, handler }: FunctionManifest): readonly string[] | null {
  if (runtime === undefined || !hasHandlers(runtime)) return null;
  return [...RUNTIMES[runtime].handler, handler ?? 'handler.handler'];
}

function splitVariable(one: string): readonly [string, string] {
  const at = one.indexOf('=');
  return at === -1 ? [one, ''] : [one.slice(0, at), one.slice(at + 1)];
}

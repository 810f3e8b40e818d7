/**
 * The folder of a profile run: profile.json says what was run, on what and by which seed; the
 * records of the agent are beside it, a line each, in the formats of a replay. Everything that is
 * told of a run is made from these files alone.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { bytes, count, duration_ms, known, moment_ms } from '../../agent/model/fields.ts';
import { optional_text, text } from '../../agent/model/fields.ts';
import { functionSpecSchema } from '../../agent/model/spec.ts';
import { jsonDocument, parseJson } from '../../base/json.ts';
import { makeFolderSync } from '../../base/make-folder.ts';
import { isHotplaneError } from '../../base/errors.ts';
import { readPlainFile } from '../../base/plain-file.ts';
import { resultsExist, resultsMalformed, resultsMissing } from '../results/errors.ts';
import { resultsUnwritable, resultsVersion } from '../results/errors.ts';
import { checkLine, readFileLines } from '../results/reader.ts';
import { invocationSchema, loadSchema, manifestSchema } from '../results/schema.ts';
import { memoryStepSchema, operationSchema } from '../results/schema.ts';
import type { LoadLine, MemoryStepLine, OperationLine } from '../results/schema.ts';
import { LineFile, replaceFile, RESULT_FILES } from '../results/writer.ts';
import { DISTRIBUTIONS } from './workload.ts';

export const PROFILE_VERSION = 1;

export const PROFILE_FILES = {
  manifest: 'profile.json',
  invocations: RESULT_FILES.invocations,
  operations: RESULT_FILES.operations,
  memory: RESULT_FILES.memory,
  load: RESULT_FILES.load,
  /** Only where accesses were counted. */
  accesses: 'accesses.jsonl',
  /** Made of the files above. */
  stages: 'stages.jsonl',
  plot: 'stages.svg',
  counted: 'counted.json',
} as const;

/** The record of a call, with its instance of the workload; only its moment was planned. */
export const profiledCallSchema = invocationSchema
  .omit({ planned_duration_ms: true })
  .extend({ instance: text });
export type ProfiledCall = z.infer<typeof profiledCallSchema>;

const placeSchema = z.strictObject({ loads: count, stores: count, fills: count });
export type PlaceAccesses = Readonly<z.infer<typeof placeSchema>>;

/** What one call did with memory, from when it was sent until it was answered. */
export const accessLineSchema = z.strictObject({
  invocation_id: text,
  /** Of the workload. */
  instance: text,
  cold: z.boolean(),
  vm_id: text,
  region_id: text,
  vcpus: count,
  /** That each vCPU is taken to have. */
  cache: z.strictObject({ line_bytes: count, sets: count, ways: count }),
  /** Of the whole VM. */
  instructions: count,
  /** Of the instance. */
  region: placeSchema,
  /** The VM's ordinary memory. */
  boot: placeSchema,
});
export type AccessLine = z.infer<typeof accessLineSchema>;

const about = manifestSchema.pick({
  status: true,
  started_at: true,
  command: true,
  provenance: true,
  versions: true,
  host: true,
});

export const profileManifestSchema = z.strictObject({
  schema_version: z.literal(PROFILE_VERSION),
  kind: z.literal('profile'),
  ...about.shape,
  workload: z.strictObject({
    path: text,
    sha256: text,
    test_name: text,
    duration_s: z.number().positive(),
    /** As the file was; what the run came from can be made again without it. */
    document: z.string(),
  }),
  seed: count,
  /** The file has none, and the run drew it. */
  seed_is_drawn: z.boolean(),
  instances: z.array(
    z.strictObject({
      name: text,
      application: text,
      function: text,
      /** Null: the times between its calls are listed. */
      distribution: z.enum(DISTRIBUTIONS).nullable(),
      rate_per_s: z.number().nonnegative().nullable(),
      arrivals: count,
      payload_bytes: bytes,
      payload_sha256: text,
      /** The built-in function stood in for the application, and did work of its own. */
      stands_in: z.boolean(),
    }),
  ),
  functions: z.array(
    z.strictObject({
      spec: functionSpecSchema,
      /** For this run; else it was there before. */
      is_deployed_here: z.boolean(),
      /** Null: it was there before. */
      vmm: optional_text,
      accelerator: optional_text,
      guest_kernel: optional_text,
    }),
  ),
  not_used: z.array(z.strictObject({ key: text, why: text })),
  /** Of the host's clock, from which the times of all lines count; null: it never began. */
  clock_start_ms: known(moment_ms),
  /** From the start to the last reply. */
  observed_ms: duration_ms,
  /** Instances of functions that were deployed here were stopped, and their memory is back. */
  drained: z.boolean(),
  error: optional_text,
});
export type ProfileManifest = z.infer<typeof profileManifestSchema>;

export interface ProfileArchive {
  readonly manifest: ProfileManifest;
  readonly calls: readonly ProfiledCall[];
  readonly operations: readonly OperationLine[];
  readonly memory: readonly MemoryStepLine[];
  readonly load: readonly LoadLine[];
  /** Null: this run counted none. */
  readonly accesses: readonly AccessLine[] | null;
  /** Files whose last line a crash has cut off, and files that are not there. */
  readonly torn_files: readonly string[];
  readonly missing_files: readonly string[];
}

/** Throws HP_RESULTS_EXIST where a run lies already, of whatever kind. */
export function needNoArchive(folder: string): void {
  const names = [...Object.values(PROFILE_FILES), RESULT_FILES.manifest];
  if (names.some((name) => existsSync(join(folder, name)))) throw resultsExist(folder);
}

/** Writes an archive as the run goes; a line is in its file when the call returns. */
export class ArchiveWriter {
  readonly folder: string;
  readonly #files: Record<'invocations' | 'operations' | 'memory' | 'load', LineFile>;
  readonly #accesses: LineFile | null;

  /** Makes the folder. Throws HP_RESULTS_EXIST, HP_RESULTS_UNWRITABLE. */
  constructor(folder: string, { counts = false }: { readonly counts?: boolean } = {}) {
    needNoArchive(folder);
    this.folder = folder;
    try {
      makeFolderSync(folder);
    } catch (error) {
      throw resultsUnwritable(folder, error);
    }
    const open = (name: keyof typeof PROFILE_FILES): LineFile =>
      new LineFile(join(folder, PROFILE_FILES[name]));
    this.#files = {
      invocations: open('invocations'),
      operations: open('operations'),
      memory: open('memory'),
      load: open('load'),
    };
    this.#accesses = counts ? open('accesses') : null;
  }

  call(line: ProfiledCall): void {
    this.#files.invocations.append(profiledCallSchema, line);
  }

  operation(line: OperationLine): void {
    this.#files.operations.append(operationSchema, line);
  }

  memory(line: MemoryStepLine): void {
    this.#files.memory.append(memoryStepSchema, line);
  }

  load(line: LoadLine): void {
    this.#files.load.append(loadSchema, line);
  }

  accesses(line: AccessLine): void {
    this.#accesses?.append(accessLineSchema, line);
  }

  manifest(manifest: ProfileManifest): void {
    replaceFile(join(this.folder, PROFILE_FILES.manifest), jsonDocument(manifest));
  }

  /** Everything is on disk afterwards. May be called twice. */
  close(): void {
    for (const file of Object.values(this.#files)) file.close();
    this.#accesses?.close();
  }
}

/** Throws HP_RESULTS_MISSING, HP_RESULTS_MALFORMED, HP_RESULTS_VERSION, HP_REPORT_INTERRUPTED. */
export async function readArchive(folder: string, signal?: AbortSignal): Promise<ProfileArchive> {
  const manifest = await readProfileManifest(folder);
  const torn_files: string[] = [];
  const missing_files: string[] = [];
  const linesOf = async <T>(name: string, schema: z.ZodType<T>): Promise<T[]> => {
    const lines: T[] = [];
    const path = join(folder, name);
    const end = await readFileLines(path, schema, (line) => lines.push(line), signal);
    if (end === 'torn') torn_files.push(name);
    if (end === 'missing') missing_files.push(name);
    return lines;
  };
  return {
    manifest,
    calls: await linesOf(PROFILE_FILES.invocations, profiledCallSchema),
    operations: await linesOf(PROFILE_FILES.operations, operationSchema),
    memory: await linesOf(PROFILE_FILES.memory, memoryStepSchema),
    load: await linesOf(PROFILE_FILES.load, loadSchema),
    accesses: existsSync(join(folder, PROFILE_FILES.accesses))
      ? await linesOf(PROFILE_FILES.accesses, accessLineSchema)
      : null,
    torn_files,
    missing_files,
  };
}

async function readProfileManifest(folder: string): Promise<ProfileManifest> {
  const path = join(folder, PROFILE_FILES.manifest);
  let found: string;
  try {
    found = await readPlainFile(path);
  } catch (error) {
    throw isHotplaneError(error) ? error : resultsMissing(path, error);
  }
  const json = parseJson(found);
  if (json === undefined) throw resultsMalformed(path, 1, 'it is not JSON');
  const version = z.looseObject({ schema_version: z.unknown() }).safeParse(json);
  const told = version.success ? version.data.schema_version : 'none';
  if (told !== PROFILE_VERSION) throw resultsVersion(path, told, [PROFILE_VERSION]);
  return checkLine(profileManifestSchema, json, path, 1);
}

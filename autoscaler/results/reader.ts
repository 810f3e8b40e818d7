/** Reads a result folder back, line by line, checking every line against its schema. */
import { join } from 'node:path';
import type { z } from 'zod';
import { isHotplaneError } from '../../base/errors.ts';
import { RESULT_LIMITS } from './limits.ts';
import { parseJson } from '../../base/json.ts';
import { LineSplitter } from '../../base/lines.ts';
import { openPlainFile, readPlainFile } from '../../base/plain-file.ts';
import { errnoOf } from '../../base/system-error.ts';
import { reportInterrupted, resultsMalformed, resultsMissing, resultsVersion } from './errors.ts';
import { invocationSchema, loadSchema, manifestSchema } from './schema.ts';
import { decisionSchema, eventSchema, memorySchema, operationSchema } from './schema.ts';
import { READ_VERSIONS } from './schema.ts';
import type { DecisionLine, EventLine, InvocationLine, LoadLine, Manifest } from './schema.ts';
import type { MemoryLine, OperationLine } from './schema.ts';
import { RESULT_FILES } from './writer.ts';

/** Where the lines of a folder go, each as it is read. */
export interface ResultSinks {
  operation(line: OperationLine): unknown;
  invocation(line: InvocationLine): unknown;
  memory(line: MemoryLine): unknown;
  load(line: LoadLine): unknown;
  /** Absent: no figure is made of them, and the file is not read. */
  decision?(line: DecisionLine): unknown;
}

/** What became of the files of lines. */
export interface FilesRead {
  /** Files whose last line was cut off by a crash; that line was not told. */
  readonly torn_files: readonly string[];
  /** Files that are not there. */
  readonly missing_files: readonly string[];
}

/** A whole folder at once: for small ones only, a report tells the lines one by one. */
export interface ResultData extends FilesRead {
  readonly manifest: Manifest;
  readonly operations: readonly OperationLine[];
  readonly invocations: readonly InvocationLine[];
  readonly memory: readonly MemoryLine[];
  readonly load: readonly LoadLine[];
  readonly decisions: readonly DecisionLine[];
}

export async function readResults(folder: string): Promise<ResultData> {
  const manifest = await readManifest(folder);
  const operations: OperationLine[] = [];
  const invocations: InvocationLine[] = [];
  const memory: MemoryLine[] = [];
  const load: LoadLine[] = [];
  const decisions: DecisionLine[] = [];
  const files = await readLines(folder, {
    operation: (line) => operations.push(line),
    invocation: (line) => invocations.push(line),
    memory: (line) => memory.push(line),
    load: (line) => load.push(line),
    decision: (line) => decisions.push(line),
  });
  return { manifest, operations, invocations, memory, load, decisions, ...files };
}

/** Throws `HP_RESULTS_*`, `HP_FILE_NOT_PLAIN`. */
export async function readManifest(folder: string): Promise<Manifest> {
  const path = join(folder, RESULT_FILES.manifest);
  let text: string;
  try {
    text = await readPlainFile(path);
  } catch (error) {
    if (isHotplaneError(error)) throw error;
    throw resultsMissing(path, error);
  }
  const json: unknown = parseJson(text);
  if (json === undefined) throw resultsMalformed(path, 1, 'it is not JSON');
  const version =
    typeof json === 'object' && json && 'schema_version' in json ? json.schema_version : 'none';
  if (!READ_VERSIONS.some((known) => known === version)) {
    throw resultsVersion(path, version, READ_VERSIONS);
  }
  return checkLine(manifestSchema, json, path, 1);
}

/**
 * Tells every line of a folder. One line is held at a time, however long the files are. Throws
 * `HP_REPORT_INTERRUPTED` when `signal` aborts and
 * `HP_RESULTS_MALFORMED` with file, line and field for one that does not follow the format; a file
 * that is not there is no error, for what is left of a run can be told without it.
 */
export async function readLines(
  folder: string,
  sinks: ResultSinks,
  signal?: AbortSignal,
): Promise<FilesRead> {
  const torn_files: string[] = [];
  const missing_files: string[] = [];
  const read = async <T>(
    file: string,
    schema: z.ZodType<T>,
    tell: (line: T) => unknown,
  ): Promise<void> => {
    const end = await readFileLines(join(folder, file), schema, tell, signal);
    if (end === 'torn') torn_files.push(file);
    if (end === 'missing') missing_files.push(file);
  };
  await read(RESULT_FILES.operations, operationSchema, (line) => sinks.operation(line));
  await read(RESULT_FILES.invocations, invocationSchema, (line) => sinks.invocation(line));
  await read(RESULT_FILES.memory, memorySchema, (line) => sinks.memory(line));
  await read(RESULT_FILES.load, loadSchema, (line) => sinks.load(line));
  if (sinks.decision) {
    await read(RESULT_FILES.decisions, decisionSchema, (line) => sinks.decision?.(line));
  }
  return { torn_files, missing_files };
}

/**
 * Tells what the core was told, in order. False: the folder has no such file. Throws as
 * {@link readLines} does.
 */
export async function readEvents(
  folder: string,
  tell: (line: EventLine) => unknown,
  signal?: AbortSignal,
): Promise<boolean> {
  const path = join(folder, RESULT_FILES.events);
  return (await readFileLines(path, eventSchema, tell, signal)) !== 'missing';
}

/** Of a file at once: a few hundred lines, so that reading costs little beside checking. */
const READ_BYTES = 256 * 1024;

/** Tells the lines of one file; throws as {@link readLines} does. */
export async function readFileLines<T>(
  path: string,
  schema: z.ZodType<T>,
  tell: (line: T) => unknown,
  signal?: AbortSignal,
): Promise<'whole' | 'torn' | 'missing'> {
  // The line last seen, not yet believed: only the very last line of a file may be cut off.
  let pending: { line: number; text: string } | null = null;
  let last_byte = 0x0a;
  const settle = (): void => {
    if (!pending) return;
    const json = parseJson(pending.text);
    if (json === undefined) throw resultsMalformed(path, pending.line, 'it is not JSON');
    tell(checkLine(schema, json, path, pending.line));
    pending = null;
  };
  const lines = new LineSplitter({
    limit_bytes: RESULT_LIMITS.line_bytes,
    onLine: (text, line) => {
      settle();
      pending = { line, text };
    },
    onTooLong: (_start, line) => {
      throw resultsMalformed(path, line, `it has more than ${RESULT_LIMITS.line_bytes} bytes`);
    },
  });
  try {
    await using file = await openPlainFile(path);
    const chunks = file.createReadStream({ highWaterMark: READ_BYTES, autoClose: false });
    for await (const chunk of chunks as AsyncIterable<Uint8Array>) {
      if (signal?.aborted === true) throw reportInterrupted(path);
      lines.push(chunk);
      last_byte = chunk.at(-1) ?? last_byte;
    }
    lines.end();
  } catch (error) {
    if (isHotplaneError(error)) throw error;
    if (errnoOf(error) === 'ENOENT') return 'missing';
    throw resultsMissing(path, error);
  }
  if (last_byte !== 0x0a) return 'torn';
  settle();
  return 'whole';
}

/** What `schema` makes of a line; throws `HP_RESULTS_MALFORMED` with the field. */
export function checkLine<T>(schema: z.ZodType<T>, json: unknown, path: string, line: number): T {
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const problem = issue ? `${issue.path.join('.') || 'line'}: ${issue.message}` : 'unknown';
  throw resultsMalformed(path, line, problem);
}

/** Reads a result folder back, checking every line against its schema. */
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { z } from 'zod';
import { isHotplaneError } from '../../base/errors.ts';
import { LIMITS } from '../../base/limits.ts';
import { LineScanner } from '../trace/line-scanner.ts';
import { resultsMalformed, resultsMissing, resultsVersion } from './errors.ts';
import { invocationSchema, manifestSchema, memorySchema, operationSchema } from './schema.ts';
import { SCHEMA_VERSION } from './schema.ts';
import type { InvocationLine, Manifest, MemoryLine, OperationLine } from './schema.ts';
import { RESULT_FILES } from './writer.ts';

/** All that a summary and a report are made from. */
export interface ResultData {
  readonly manifest: Manifest;
  readonly operations: readonly OperationLine[];
  readonly invocations: readonly InvocationLine[];
  readonly memory: readonly MemoryLine[];
  /** Files whose last line was cut off by a crash; that line is not in the data. */
  readonly torn_files: readonly string[];
}

export async function readResults(folder: string): Promise<ResultData> {
  const manifest = await readManifest(join(folder, RESULT_FILES.manifest));
  const operations = await readLines(join(folder, RESULT_FILES.operations), operationSchema);
  const invocations = await readLines(join(folder, RESULT_FILES.invocations), invocationSchema);
  const memory = await readLines(join(folder, RESULT_FILES.memory), memorySchema);
  const torn_files: string[] = [];
  if (operations.torn) torn_files.push(RESULT_FILES.operations);
  if (invocations.torn) torn_files.push(RESULT_FILES.invocations);
  if (memory.torn) torn_files.push(RESULT_FILES.memory);
  return {
    manifest,
    operations: operations.lines,
    invocations: invocations.lines,
    memory: memory.lines,
    torn_files,
  };
}

async function readManifest(path: string): Promise<Manifest> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw resultsMissing(path, error);
  }
  const json: unknown = parseJson(text);
  if (json === undefined) throw resultsMalformed(path, 1, 'it is not JSON');
  const version =
    typeof json === 'object' && json && 'schema_version' in json ? json.schema_version : 'none';
  if (version !== SCHEMA_VERSION) throw resultsVersion(path, version, SCHEMA_VERSION);
  return check(manifestSchema, json, path, 1);
}

async function readLines<T>(
  path: string,
  schema: z.ZodType<T>,
): Promise<{ lines: T[]; torn: boolean }> {
  const lines: T[] = [];
  // The line last seen, not yet believed: only the very last line of a file may be cut off.
  let pending: { line: number; text: string } | null = null;
  let last_byte = 0x0a;
  const settle = (): void => {
    if (!pending) return;
    const json = parseJson(pending.text);
    if (json === undefined) throw resultsMalformed(path, pending.line, 'it is not JSON');
    lines.push(check(schema, json, path, pending.line));
    pending = null;
  };
  const scanner = new LineScanner({
    onLine: (line, text) => {
      settle();
      pending = { line, text };
    },
    onTooLong: (line) => {
      throw resultsMalformed(path, line, `it has more than ${LIMITS.result_line_bytes} bytes`);
    },
    longest_bytes: LIMITS.result_line_bytes,
  });
  try {
    for await (const chunk of createReadStream(path) as AsyncIterable<Uint8Array>) {
      scanner.push(chunk);
      last_byte = chunk.at(-1) ?? last_byte;
    }
    scanner.end();
  } catch (error) {
    if (isHotplaneError(error)) throw error;
    throw resultsMissing(path, error);
  }
  const torn = last_byte !== 0x0a;
  if (!torn) settle();
  return { lines, torn };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function check<T>(schema: z.ZodType<T>, json: unknown, path: string, line: number): T {
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const problem = issue ? `${issue.path.join('.') || 'line'}: ${issue.message}` : 'unknown';
  throw resultsMalformed(path, line, problem);
}

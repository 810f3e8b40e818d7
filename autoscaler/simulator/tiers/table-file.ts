/** Files of latencies by share, and of counted accesses that latencies are modelled from. */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { z } from 'zod';
import { isObject } from '../../../base/json.ts';
import { type CountedCalls, countedCallsSchema, countedWorkload } from './accesses.ts';
import { type TierWorkload, tierWorkloadSchema } from './workload.ts';

/** The error of a file that cannot be used; `problem` goes on after its name, or the option's. */
export type BadTable = (problem: string) => Error;

/** Of the archive of a profile run. */
const COUNTED_FILE = 'counted.json';

/** What is stated beside counts. */
export interface StatedCosts {
  /** Of a line of remote memory; null: nobody said, and counts are refused. */
  readonly penalty_ns: number | null;
  /** An SLO is so many times what a call takes with all memory local. */
  readonly slack: number;
}

/** Latencies as `--table` takes them. Throws what `bad` makes. */
export async function readLatencies(path: string, bad: BadTable): Promise<TierWorkload> {
  return checked(path, tierWorkloadSchema, await parsed(path, bad), bad);
}

/** Counts as `--accesses` takes them: a file, or the archive of a profile run. */
export async function readCountedCalls(path: string, bad: BadTable): Promise<CountedCalls> {
  const file = await fileOf(path);
  return checked(file, countedCallsSchema, await parsed(file, bad), bad);
}

/** Either of them, by what is in it. */
export async function readTable(
  path: string,
  { penalty_ns, slack }: StatedCosts,
  bad: BadTable,
): Promise<TierWorkload> {
  const file = await fileOf(path);
  const value = await parsed(file, bad);
  if (!isObject(value) || !Object.hasOwn(value, 'calls')) {
    return checked(file, tierWorkloadSchema, value, bad);
  }
  const counted = checked(file, countedCallsSchema, value, bad);
  if (penalty_ns !== null) return countedWorkload(counted, penalty_ns, slack);
  throw bad(`has counted accesses: what a remote line costs is to be stated beside it: ${file}`);
}

async function fileOf(path: string): Promise<string> {
  const is_archive = await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
  return is_archive ? join(path, COUNTED_FILE) : path;
}

async function parsed(path: string, bad: BadTable): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw bad(`cannot be read from ${path}: ${why}`);
  }
}

function checked<Value>(
  path: string,
  schema: z.ZodType<Value>,
  value: unknown,
  bad: BadTable,
): Value {
  const read = schema.safeParse(value);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  const where = issue?.path.join('.') ?? '';
  throw bad(`is not as it should be: ${path}: ${where}: ${issue?.message}`);
}

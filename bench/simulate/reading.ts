/** How fast a trace is read, and in how much memory, each in a process of its own. */
import { execFile } from 'node:child_process';
import { readdir, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { z } from 'zod';
import { runGenerate } from '../../autoscaler/trace/command.ts';
import { assert } from '../../base/assert.ts';
import { benchError } from '../errors.ts';
import { BENCH_LIMITS } from '../limits.ts';
import { median } from '../statistics.ts';

const run = promisify(execFile);
const PROGRAM = fileURLToPath(
  new URL(`./reading-process${extname(fileURLToPath(import.meta.url))}`, import.meta.url),
);

const readingSchema = z.object({ cpu_ms: z.number(), resident_bytes: z.number() });

export interface Reading extends z.infer<typeof readingSchema> {
  readonly bytes: number;
}

/**
 * Median time of so many rounds, and the most memory of any. Times are of CPU; a wide file's
 * invocations are counted, none is made.
 */
export async function readingOf(
  paths: readonly string[],
  rounds: number,
  signal: AbortSignal,
): Promise<Reading> {
  const readings: Reading[] = [];
  for (let round = 0; round < rounds; round += 1) readings.push(await readOnce(paths, signal));
  const [first] = readings;
  assert(first, 'a bench has a round');
  return {
    ...first,
    cpu_ms: median(readings.map(({ cpu_ms }) => cpu_ms)) ?? first.cpu_ms,
    resident_bytes: Math.max(...readings.map(({ resident_bytes }) => resident_bytes)),
  };
}

async function readOnce(paths: readonly string[], signal: AbortSignal): Promise<Reading> {
  const options = { signal, timeout: BENCH_LIMITS.reading_ms };
  const { stdout } = await run(process.execPath, [PROGRAM, ...paths], options).catch(
    (error: unknown) => {
      throw benchError(
        signal.aborted ? 'HP_BENCH_INTERRUPTED' : 'HP_BENCH_CORE',
        `${paths[0] ?? ''} was not read.`,
        { cause: error },
      );
    },
  );
  const sizes = await Promise.all(paths.map(async (path) => (await stat(path)).size));
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  return { ...readingSchema.parse(JSON.parse(stdout)), bytes };
}

/** A made day of 2019: its wide file alone, and all of its files. */
export async function readingsOfDay(
  folder: string,
  { apps, seed, rounds }: { readonly apps: number; readonly seed: number; readonly rounds: number },
  signal: AbortSignal,
): Promise<{ readonly wide: Reading; readonly day: Reading }> {
  await runGenerate({
    format: 'azure2019',
    seed,
    apps,
    functions: null,
    invocations: null,
    days: 1,
    quirks: false,
    out: folder,
    json: true,
    stdout: { write: () => true },
    signal,
  });
  const names = (await readdir(folder)).filter((name) => name.endsWith('.csv')).toSorted();
  const wide = names.filter((name) => name.startsWith('invocations'));
  const path = (name: string): string => join(folder, name);
  return {
    wide: await readingOf(wide.map(path), rounds, signal),
    day: await readingOf(names.map(path), rounds, signal),
  };
}

/**
 * Random tests: one seed a process, given or drawn; what failed once is played first.
 *
 *   HOTPLANE_SEED=N   plays the very same runs again; what each process plays is told at once
 *   HOTPLANE_RUNS=N   plays so many of every property, for a night: 100000
 */
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { writeSync } from 'node:fs';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PROJECT_ROOT } from '../base/paths.ts';
import { PAST_FAILURES, type PastFailure } from './past-failures.ts';

/** The greatest seed that is drawn; fast-check takes 32 bits with a sign. */
const SEED_MAX = 2 ** 31 - 1;

/** The number of a variable, or `otherwise` where it is not set; anything else is a mistake. */
export function numberOf(name: string, otherwise: number, env = process.env): number {
  const text = env[name] ?? '';
  if (text === '') return otherwise;
  if (!/^\d{1,10}$/.test(text) || Number(text) > SEED_MAX) {
    throw new Error(`${name}=${text}: give a whole number of at most ${SEED_MAX}.`);
  }
  return Number(text);
}

/** The seed of every random choice of this process. */
export const SEED = numberOf('HOTPLANE_SEED', Math.floor(Math.random() * SEED_MAX));

// What a test logs is told when it has ended: never, where it goes on for ever or is killed.
const own_path = relative(PROJECT_ROOT, fileURLToPath(test.meta.file));
writeSync(process.stderr.fd, `# to play it again: HOTPLANE_SEED=${SEED} npx ava ${own_path}\n`);

const RUNS = numberOf('HOTPLANE_RUNS', 0);

/** The command that plays `title` of a test file with `seed` again. */
export function repeatCommand(file: string, title: string, seed: number): string {
  // A star stands for whatever would mean something to the shell or to ava.
  const pattern = title.replaceAll(/['*\\!]/g, '*');
  const path = relative(PROJECT_ROOT, file);
  return `HOTPLANE_SEED=${seed} npx ava ${path} --match='${pattern}'`;
}

export interface Runs {
  /** How often the property is played; HOTPLANE_RUNS overrides it. Default 100. */
  readonly runs?: number;
  /** Added to SEED, for a property that is played several times side by side. Default 0. */
  readonly lane?: number;
  /** Default: PAST_FAILURES. Those of the test itself are played first. */
  readonly past?: readonly PastFailure[];
}

/**
 * Passes when `property` holds in every run, the seeds in past-failures.ts first. Fails with the
 * smallest counterexample found, the seed, and the command that plays it again.
 */
export async function holds<Values>(
  t: ExecutionContext,
  property: fc.IRawProperty<Values>,
  { runs = 100, lane = 0, past = PAST_FAILURES }: Runs = {},
): Promise<void> {
  const first = past.filter((one) => one.test === t.title);
  for (const one of [...first, { seed: SEED + lane, runs: RUNS || runs }]) {
    const result = await fc.check(property, { seed: one.seed, numRuns: one.runs });
    if (!result.failed) continue;
    const command = repeatCommand(fileURLToPath(test.meta.file), t.title, SEED);
    t.log(`to play it again: ${command}`);
    t.log(`once it is mended, keep seed ${one.seed} in test/past-failures.ts`);
    // fast-check keeps it as a cause, which ava does not show.
    const error = result.errorInstance;
    if (error instanceof Error) t.log(`what failed: ${error.message}`);
    t.fail((await fc.asyncDefaultReportMessage(result)) ?? 'the property does not hold');
    return;
  }
  t.pass();
}

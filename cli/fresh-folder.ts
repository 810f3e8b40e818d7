import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { HotplaneError } from '../base/errors.ts';

/** Names tried before giving up; a folder with more runs wants tidying. */
const MOST_RUNS = 1_000;

/** The first of `parent/name-1`, `parent/name-2`, ... that does not exist yet; creates `parent`. */
export async function freshFolder(parent: string, name: string): Promise<string> {
  await mkdir(parent, { recursive: true });
  for (let run = 1; run <= MOST_RUNS; run++) {
    const folder = join(parent, `${name}-${run}`);
    try {
      await mkdir(folder);
      return folder;
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    }
  }
  throw new HotplaneError({
    code: 'HP_CLI_TOO_MANY_RUNS',
    category: 'conflict',
    message: `${parent} holds ${MOST_RUNS} runs of ${name} already.`,
    next: 'remove old runs, or name a folder with --out.',
  });
}

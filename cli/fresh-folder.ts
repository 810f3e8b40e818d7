import { mkdir, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { cliError } from './errors.ts';
import { makeFolder } from '../base/make-folder.ts';
import { errnoOf } from '../base/system-error.ts';

/** Names tried before giving up; a folder with more runs wants tidying. */
const MOST_RUNS = 1_000;

/**
 * Runs `work` with the first of `parent/name-1`, `parent/name-2`, ... that does not exist yet; two
 * that run at once get two. When `work` fails and left nothing in it, the folder is gone again, so
 * that a run that came to nothing takes no number.
 */
export async function withFreshFolder(
  parent: string,
  name: string,
  work: (folder: string) => Promise<void>,
): Promise<void> {
  const made = await makeFolder(parent);
  const folder = await makeFresh(parent, name);
  try {
    await work(folder);
  } catch (error) {
    await removeEmpty(folder, made === null ? folder : parent);
    throw error;
  }
}

async function makeFresh(parent: string, name: string): Promise<string> {
  for (let run = 1; run <= MOST_RUNS; run++) {
    const folder = join(parent, `${name}-${run}`);
    try {
      await mkdir(folder);
      return folder;
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error;
    }
  }
  throw cliError('HP_CLI_TOO_MANY_RUNS', `${parent} holds ${MOST_RUNS} runs of ${name} already.`);
}

/** From `folder` up to `last`, as far as they hold nothing. */
async function removeEmpty(folder: string, last: string): Promise<void> {
  for (let at = folder; ; at = dirname(at)) {
    try {
      await rmdir(at);
    } catch {
      // It holds something, or is gone: either way it is not ours to remove.
      return;
    }
    if (at === last) return;
  }
}

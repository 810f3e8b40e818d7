/**
 * The folder of --out before a run has anything to say. A run that comes to nothing (an agent that
 * is not there, one that does not start) leaves it as it was, so that the corrected command works.
 */
import { existsSync, rmdirSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { REPLAY_LIMITS } from './limits.ts';
import { makeFolderSync } from '../../base/make-folder.ts';
import { readPlainFileSync } from '../../base/plain-file.ts';
import { resultsExist, resultsUnwritable } from '../results/errors.ts';
import { RESULT_FILES } from '../results/writer.ts';

const AGENT_LOG = 'agent.log';

/** Throws `HP_RESULTS_EXIST` when the folder holds results. */
export function needNoResults(path: string): void {
  const taken = Object.values(RESULT_FILES).some((name) => existsSync(join(path, name)));
  if (taken) throw resultsExist(path);
}

export class OutFolder {
  readonly path: string;
  /** Topmost folder that did not exist before; null: none was made. */
  #made: string | null = null;

  /** Throws `HP_RESULTS_EXIST` when it holds results. Writes nothing. */
  constructor(path: string) {
    this.path = resolve(path);
    needNoResults(path);
  }

  get log_path(): string {
    return join(this.path, AGENT_LOG);
  }

  /** Throws `HP_RESULTS_UNWRITABLE`. */
  make(): void {
    try {
      this.#made ??= makeFolderSync(this.path);
    } catch (error) {
      throw resultsUnwritable(this.path, error);
    }
  }

  /** What an agent that did not come up said last; empty when it said nothing. */
  lastWords(): string {
    try {
      return readPlainFileSync(this.log_path).slice(-REPLAY_LIMITS.last_words_chars).trim();
    } catch {
      return '';
    }
  }

  /** Takes back what was made for a run that came to nothing. What others put there stays. */
  giveBack(): void {
    rmSync(this.log_path, { force: true });
    if (this.#made === null) return;
    for (let folder = this.path; ; folder = dirname(folder)) {
      try {
        rmdirSync(folder);
      } catch {
        return;
      }
      if (folder === this.#made) return;
    }
  }
}

/** The results of a run from its beginning to how it ended, also where the disk is full by then. */
import type { Manifest, MechanismRun } from '../results/schema.ts';
import { ResultWriter } from '../results/writer.ts';
import { unrecorded } from './errors.ts';
import { buildManifest, waitingRun } from './manifest.ts';
import type { OutFolder } from './out-folder.ts';
import type { PreparedRun } from './prepare.ts';
import { ResultGuard } from './result-guard.ts';

export class KeptResults {
  readonly runs: MechanismRun[];
  readonly guard: ResultGuard;
  readonly #inputs: PreparedRun;
  readonly #writer: ResultWriter;

  constructor(inputs: PreparedRun, writer: ResultWriter) {
    this.#inputs = inputs;
    this.#writer = writer;
    this.guard = new ResultGuard(writer);
    this.runs = inputs.options.mechanisms.map(waitingRun);
  }

  /** Throws when not even the beginning can be written; then nothing of it is left. */
  begin(): void {
    try {
      this.#manifest('running');
    } catch (error) {
      this.#writer.discard();
      throw error;
    }
  }

  /** What stands by now; trouble with writing is the guard's. */
  note(): void {
    this.guard.keep(() => this.#manifest('running'));
  }

  /** How it ended, after the last line. What to tell: `problem`, or why it is not written whole. */
  end(is_interrupted: boolean, problem: unknown): unknown {
    const { lost } = this.guard;
    this.guard.keep(() => this.#writer.close());
    const ended = problem === null ? 'complete' : 'failed';
    const status = is_interrupted ? 'interrupted' : ended;
    const unmarked = attempt(() => this.#manifest(lost.aborted ? 'failed' : status));
    attempt(() => this.#writer.close());
    if (!lost.aborted && unmarked === null) return problem;
    const cause: unknown = lost.aborted ? lost.reason : unmarked;
    return unrecorded(this.#inputs.options.out, unmarked === null, cause);
  }

  #manifest(status: Manifest['status']): void {
    this.#writer.manifest(buildManifest(this.#inputs, status, this.runs));
  }
}

/** Throws `HP_RESULTS_*`, with nothing left in the folder. */
export function keepResults(inputs: PreparedRun, out: OutFolder): KeptResults {
  out.make();
  const kept = new KeptResults(inputs, new ResultWriter(inputs.options.out));
  kept.begin();
  return kept;
}

/** What it throws, or null. */
function attempt(work: () => void): unknown {
  try {
    work();
    return null;
  } catch (error) {
    return error;
  }
}

/**
 * Keeps the lines of a run while they can be written. The first that cannot ends the keeping, of
 * all files at once, and with it the run: what is there then is whole up to one moment.
 */
import { isUnwritable } from '../results/errors.ts';
import type { DecisionLine, EventLine, InvocationLine, LoadLine } from '../results/schema.ts';
import type { MemoryLine, OperationLine } from '../results/schema.ts';
import type { ResultSink } from './result-sink.ts';

export class ResultGuard implements ResultSink {
  readonly #sink: ResultSink;
  readonly #lost = new AbortController();

  constructor(sink: ResultSink) {
    this.#sink = sink;
  }

  /** Aborted with `HP_RESULTS_UNWRITABLE`, of the first file that could not be written. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  operation(line: OperationLine): void {
    this.keep(() => this.#sink.operation(line));
  }

  invocation(line: InvocationLine): void {
    this.keep(() => this.#sink.invocation(line));
  }

  memory(line: MemoryLine): void {
    this.keep(() => this.#sink.memory(line));
  }

  load(line: LoadLine): void {
    this.keep(() => this.#sink.load(line));
  }

  decision(line: DecisionLine): void {
    this.keep(() => this.#sink.decision(line));
  }

  event(line: EventLine): void {
    this.keep(() => this.#sink.event(line));
  }

  /** Does nothing any more once something was lost. Throws what is no trouble with writing. */
  keep(write: () => void): void {
    if (this.lost.aborted) return;
    try {
      write();
    } catch (error) {
      if (!isUnwritable(error)) throw error;
      this.#lost.abort(error);
    }
  }
}

/** Cells of a sweep by several threads, told in the order of the grid whoever is done first. */
import { Worker } from 'node:worker_threads';
import type { RunFigures } from '../results/simulation.ts';
import { simulateInterrupted } from './errors.ts';
import { playCell } from './sweep-cell.ts';
import type { SweepCell } from './sweep-grid.ts';
import type { SimFunction, SimWorkload } from './workload.ts';

/** One workload for all threads: its columns lie in memory that they share. */
export interface SharedWorkload {
  readonly functions: readonly SimFunction[];
  readonly window_ms: number;
  readonly function_index: Uint32Array;
  readonly arrival_ms: Float64Array;
  readonly duration_ms: Float64Array;
}

export interface SweepOrder {
  readonly index: number;
  readonly cell: SweepCell;
}

interface Done {
  readonly index: number;
  readonly figures: RunFigures;
}

/** The figures of all cells from `first` on, in their order. */
export async function* playCells(
  workload: SimWorkload,
  cells: readonly SweepCell[],
  { first, workers, signal }: { first: number; workers: number; signal: AbortSignal },
): AsyncGenerator<RunFigures> {
  if (workers <= 1) {
    for (const cell of cells.slice(first)) {
      await new Promise(setImmediate);
      if (signal.aborted) throw simulateInterrupted();
      yield playCell(workload, cell);
    }
    return;
  }
  // A signal that is aborted tells no listener of it any more.
  if (signal.aborted) throw simulateInterrupted();
  const threads = new Threads(workload, cells, first, Math.min(workers, cells.length - first));
  const stop = (): void => threads.fail(simulateInterrupted());
  signal.addEventListener('abort', stop, { once: true });
  try {
    for (let index = first; index < cells.length; index += 1) yield await threads.of(index);
  } finally {
    signal.removeEventListener('abort', stop);
    await threads.end();
  }
}

class Threads {
  readonly #cells: readonly SweepCell[];
  readonly #workers: Worker[] = [];
  readonly #done = new Map<number, RunFigures>();
  #next: number;
  #failure: Error | null = null;
  #wake: () => void = () => undefined;

  constructor(workload: SimWorkload, cells: readonly SweepCell[], first: number, count: number) {
    this.#cells = cells;
    this.#next = first;
    const workerData = shared(workload);
    const own = import.meta.url;
    const program = new URL(`./sweep-worker${own.slice(own.lastIndexOf('.'))}`, own);
    for (let at = 0; at < count; at += 1) {
      const worker = new Worker(program, { workerData });
      worker.on('message', ({ index, figures }: Done) => {
        this.#done.set(index, figures);
        this.#send(worker);
        this.#wake();
      });
      worker.on('error', (error) => this.fail(error));
      this.#workers.push(worker);
      this.#send(worker);
    }
  }

  fail(error: Error): void {
    this.#failure ??= error;
    this.#wake();
  }

  async of(index: number): Promise<RunFigures> {
    for (;;) {
      if (this.#failure) throw this.#failure;
      const found = this.#done.get(index);
      if (found) {
        this.#done.delete(index);
        return found;
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async end(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }

  #send(worker: Worker): void {
    const cell = this.#cells[this.#next];
    if (!cell) return;
    const order: SweepOrder = { index: this.#next, cell };
    worker.postMessage(order, []);
    this.#next += 1;
  }
}

function shared({ functions, window_ms, invocations }: SimWorkload): SharedWorkload {
  const { function_index, arrival_ms, duration_ms, length } = invocations;
  const columns = {
    function_index: new Uint32Array(new SharedArrayBuffer(4 * length)),
    arrival_ms: new Float64Array(new SharedArrayBuffer(8 * length)),
    duration_ms: new Float64Array(new SharedArrayBuffer(8 * length)),
  };
  columns.function_index.set(function_index);
  columns.arrival_ms.set(arrival_ms);
  columns.duration_ms.set(duration_ms);
  return { functions, window_ms, ...columns };
}

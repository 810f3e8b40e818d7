/** A result folder on its way into figures: every line is counted once and then forgotten. */
import type { ResultSinks } from '../results/reader.ts';
import type { LoadLine, Manifest, MechanismRun, OperationLine } from '../results/schema.ts';
import type { InvocationLine, MemoryCheckLine, MemoryLine } from '../results/schema.ts';
import { InvocationTally } from './invocations.ts';
import { LoadTally } from './load.ts';
import { MemorySteps } from './memory-steps.ts';
import { OperationTally } from './operations.ts';
import { SizeTally } from './size-tally.ts';

/** What is kept of the lines of one mechanism. */
export interface MechanismTally {
  readonly run: MechanismRun;
  readonly operations: OperationTally;
  readonly invocations: InvocationTally;
  readonly steps: MemorySteps;
  readonly sizes: SizeTally;
  readonly checks: MemoryCheckLine[];
  readonly load: LoadTally;
}

export class RunTally implements ResultSinks {
  readonly manifest: Manifest;
  /** Of the mechanisms that had their turn, in the manifest's order. */
  readonly mechanisms: readonly MechanismTally[];
  /** Lines of a mechanism that had no turn by the manifest. */
  foreign_lines = 0;
  readonly #by_name: ReadonlyMap<string, MechanismTally>;

  constructor(manifest: Manifest) {
    const { window_ms } = manifest.window;
    this.manifest = manifest;
    this.mechanisms = manifest.mechanisms
      .filter((run) => run.status !== 'waiting')
      .map((run) => ({
        run,
        operations: new OperationTally(manifest.window.warm_up !== null),
        invocations: new InvocationTally(window_ms),
        steps: new MemorySteps(),
        sizes: new SizeTally(),
        checks: [],
        load: new LoadTally(window_ms),
      }));
    this.#by_name = new Map(this.mechanisms.map((one) => [one.run.name, one]));
  }

  operation(line: OperationLine): void {
    const tally = this.#of(line);
    tally?.operations.add(line);
    tally?.sizes.add(line);
  }

  invocation(line: InvocationLine): void {
    const tally = this.#of(line);
    tally?.invocations.add(line);
    tally?.sizes.addInvocation(line);
  }

  memory(line: MemoryLine): void {
    const tally = this.#of(line);
    if (line.kind === 'step') tally?.steps.add(line);
    else tally?.checks.push(line);
  }

  load(line: LoadLine): void {
    this.#of(line)?.load.add(line);
  }

  #of({ mechanism }: { readonly mechanism: string }): MechanismTally | undefined {
    const found = this.#by_name.get(mechanism);
    if (!found) this.foreign_lines += 1;
    return found;
  }
}

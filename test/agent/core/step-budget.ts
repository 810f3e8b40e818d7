/** How much a world may do before it comes to rest, and what it did last where it does not. */
const STEPS_MAX = 10_000;
const TOLD = 10;

export class StepBudget {
  #steps = 0;
  readonly #last: string[] = [];

  /** Throws with the last steps when there were too many. */
  spend(step: string): void {
    this.#steps += 1;
    this.#last.push(step);
    if (this.#last.length > TOLD) this.#last.shift();
    if (this.#steps <= STEPS_MAX) return;
    throw new Error(`the host is not quiet after ${STEPS_MAX} steps: ${this.#last.join(', ')}`);
  }
}

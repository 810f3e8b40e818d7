/** Tells which rows each turn of the agent's decisions changed, to any number of listeners. */
import type { Changed } from '../core/step.ts';
import type { HostState } from '../model/state.ts';

export interface StateChange {
  /** After the turn; rows of `changed` that are not in it are gone. */
  readonly state: HostState;
  readonly changed: Changed;
}

/** Is told in the agent's own turn: it must neither wait nor throw, and may keep the state. */
export type ChangeListener = (change: StateChange) => void;

export class ChangeFeed {
  readonly #listeners = new Set<ChangeListener>();

  /** Every change from now on; the function returned ends it. */
  listen(listener: ChangeListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  publish(change: StateChange): void {
    for (const listener of this.#listeners) listener(change);
  }
}

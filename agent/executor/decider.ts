/**
 * Decisions, one event at a time: each is a step of the core. With a store, what the steps of one
 * turn of the event loop changed is written in one go, or up to what somebody in a guest waits for,
 * and only then are their actions performed: whatever was done or answered stands in the store.
 */
import type { Clock } from '../../base/clock.ts';
import type { StepContext } from '../core/draft.ts';
import { step } from '../core/step.ts';
import type { Decided } from '../ledger/step.ts';
import type { Action } from '../model/actions.ts';
import type { HostEvent } from '../model/events.ts';
import type { HostState } from '../model/state.ts';
import type { StateChange } from '../observe/change-feed.ts';
import { logEntriesOf } from '../store/log-entries.ts';
import { type RowChange, rowsBetween } from '../store/rows.ts';
import { RowsBefore } from '../store/rows-before.ts';
import type { LogEntry } from '../store/journal.ts';
import type { StateStore } from '../store/state-file.ts';

/** Is told of every step before it is done. */
interface StepRecorder {
  note(decided: Decided): void;
  /** Writes what must be written before. Throws what ends the agent. */
  write(): void;
}

export interface DeciderParts {
  readonly clock: Clock;
  /** Absent: nobody keeps what was decided. */
  readonly recorder: StepRecorder | null;
  /** Absent: nothing outlives the agent, and what is decided is done at once. */
  readonly store: StateStore | null;
  readonly contextOf: () => StepContext;
  /** Told of every event, before it is decided on. */
  readonly onEvent?: (event: HostEvent, at_ms: number) => void;
  /** Is told what is decided, and written where there is a store, before it is done. */
  readonly onChanged: (change: StateChange) => void;
  /** Rows beside those of the state, written with what one event led to; none: absent. */
  readonly rowsOf?: (event: HostEvent, actions: readonly Action[]) => readonly RowChange[];
  /** Does what one event led to. */
  readonly perform: (event: HostEvent, actions: readonly Action[]) => void;
  /** A fault of the agent itself, met at this event. */
  readonly onFault: (error: unknown, during: HostEvent | 'write') => void;
}

/**
 * Somebody in a guest stands still for it: it does not wait for what else this turn of the loop
 * brings, and is written with what was decided before it.
 */
function isUrgent(action: Action): boolean {
  if (action.type === 'cut-shrink') return true;
  return (
    action.type === 'resize-region' &&
    (action.order.cause === 'grow' || action.order.cause === 'open')
  );
}

/** A decided event whose rows are not written yet. */
interface Held {
  readonly event: HostEvent;
  readonly actions: readonly Action[];
}

export class Decider {
  readonly #parts: DeciderParts;
  #state: HostState;
  /** As it stands in the store. */
  #written: HostState;
  #inbox: HostEvent[] = [];
  #busy = false;
  #over = false;
  #held: Held[] = [];
  #log: LogEntry[] = [];
  #rows: RowChange[] = [];
  #flush_due = false;
  /** What is met meanwhile comes after all that is being done. */
  #performing = false;
  /** Rows that changed since. */
  readonly #changed = new RowsBefore();

  constructor(state: HostState, parts: DeciderParts) {
    this.#state = state;
    this.#written = state;
    this.#parts = parts;
  }

  get state(): HostState {
    return this.#state;
  }

  /** Events are handled in the order they came, never inside one another. */
  dispatch(event: HostEvent): void {
    if (this.#over) return;
    this.#inbox.push(event);
    if (this.#busy) return;
    this.#busy = true;
    for (let next = this.#inbox.shift(); next; next = this.#inbox.shift()) {
      try {
        this.#decide(next);
      } catch (error) {
        this.#parts.onFault(error, next);
      }
    }
    this.#busy = false;
  }

  /** Nothing more is decided, written or done. */
  end(): void {
    this.#over = true;
    this.#inbox = [];
    this.#held = [];
  }

  #decide(event: HostEvent): void {
    const { clock, store, recorder, contextOf, onEvent, perform, onChanged, rowsOf } = this.#parts;
    const now_ms = clock.nowMs();
    onEvent?.(event, now_ms);
    const before = this.#state;
    const { state, actions, changed, edited } = step(before, event, now_ms, contextOf());
    this.#state = state;
    const rows = rowsOf?.(event, actions) ?? [];
    recorder?.note({ before, event, state, actions, edited, now_ms });
    if (!store) {
      if (!this.#recorded()) return;
      onChanged({ state, changed });
      return perform(event, actions);
    }
    this.#rows.push(...rows);
    this.#changed.note(edited);
    this.#log.push(...logEntriesOf(event, actions, now_ms));
    this.#held.push({ event, actions });
    if (actions.some(isUrgent) && !this.#performing) return this.#flush(store);
    if (this.#flush_due) return;
    this.#flush_due = true;
    setImmediate(() => {
      this.#flush_due = false;
      this.#flush(store);
    });
  }

  /** Nothing is done that is not in the ledger. */
  #recorded(): boolean {
    try {
      this.#parts.recorder?.write();
      return true;
    } catch (error) {
      this.#parts.onFault(error, 'write');
      return false;
    }
  }

  #flush(store: StateStore): void {
    if (this.#over || this.#held.length === 0) return;
    const held = this.#held;
    this.#held = [];
    if (!this.#recorded()) return;
    try {
      const changes = rowsBetween(this.#written, this.#state, this.#changed);
      store.write([...changes, ...this.#rows], this.#log);
    } catch (error) {
      return this.#parts.onFault(error, 'write');
    }
    this.#written = this.#state;
    this.#log = [];
    this.#rows = [];
    const { functions, vms, operations } = this.#changed;
    this.#parts.onChanged({
      state: this.#state,
      changed: {
        functions: [...functions.keys()],
        vms: [...vms.keys()],
        operations: [...operations.keys()],
      },
    });
    this.#changed.clear();
    this.#performing = true;
    this.#performAll(held);
    this.#performing = false;
    setImmediate(() => this.#tidy(store));
  }

  #performAll(held: readonly Held[]): void {
    for (const { event, actions } of held) {
      // What was done for the one before may have ended everything.
      if (this.#over) return;
      try {
        this.#parts.perform(event, actions);
      } catch (error) {
        return this.#parts.onFault(error, event);
      }
    }
  }

  /** In a turn of its own: what was just asked of VMMs and guests is on its way by then. */
  #tidy(store: StateStore): void {
    if (this.#over) return;
    try {
      store.tidy();
    } catch (error) {
      this.#parts.onFault(error, 'write');
    }
  }
}

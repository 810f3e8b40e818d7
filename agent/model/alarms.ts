/**
 * Alarms: which function time changes next, found without looking at all of them. Pure. A leftist
 * heap that never changes (Okasaki, "Purely functional data structures", 3.1) with, beside it, the
 * time of each function's live entry. An entry may be early, never late: a later time is put in
 * only when the earlier entry has come to the top, so a busy function costs one entry, not one a
 * step.
 */
import { Edits, Table } from './table.ts';

interface Entry {
  readonly at_ms: number;
  readonly name: string;
  readonly rank: number;
  readonly left: Entry | null;
  readonly right: Entry | null;
}

export interface Alarms {
  readonly heap: Entry | null;
  /** Time of the live entry of each function that has one; other entries are of the past. */
  readonly live: Table<number>;
}

/** No function is due. */
export function noAlarms(): Alarms {
  return { heap: null, live: Table.empty() };
}

/** What a function's alarm is to be: the time, or null for none. */
export type AlarmOf = (name: string) => number | null;

function merge(a: Entry | null, b: Entry | null): Entry | null {
  if (!a) return b;
  if (!b) return a;
  const [top, other] = b.at_ms < a.at_ms ? [b, a] : [a, b];
  const right = merge(top.right, other);
  const left = top.left;
  const right_rank = right?.rank ?? 0;
  const left_rank = left?.rank ?? 0;
  const { at_ms, name } = top;
  return left_rank < right_rank
    ? { at_ms, name, rank: left_rank + 1, left: right, right: left }
    : { at_ms, name, rank: right_rank + 1, left, right };
}

/** One step's changes of the alarms. */
export class AlarmEdit {
  readonly #before: Alarms;
  readonly #live: Edits<number>;
  #heap: Entry | null;

  constructor(before: Alarms) {
    this.#before = before;
    this.#live = new Edits(before.live);
    this.#heap = before.heap;
  }

  /** Takes out every function that may be due; each must be looked at and `set` again. */
  takeDue(now_ms: number): string[] {
    const due: string[] = [];
    while (this.#heap && this.#heap.at_ms <= now_ms) {
      const { name } = this.#heap;
      if (this.#isLive(this.#heap)) {
        due.push(name);
        this.#live.set(name, null);
      }
      this.#pop();
    }
    return due;
  }

  /** Says when a function is due; a time later than its live entry costs nothing now. */
  set(name: string, at_ms: number | null): void {
    if (at_ms === null) return;
    const live_ms = this.#live.row(name);
    if (live_ms !== undefined && live_ms <= at_ms) return;
    this.#heap = merge(this.#heap, { at_ms, name, rank: 1, left: null, right: null });
    this.#live.set(name, at_ms);
  }

  /** The earliest time of all functions. */
  earliest(alarmOf: AlarmOf): number | null {
    for (;;) {
      const top = this.#heap;
      if (!top) return null;
      if (this.#isLive(top)) {
        const at_ms = alarmOf(top.name);
        if (at_ms === top.at_ms) return at_ms;
        this.#live.set(top.name, null);
        this.#pop();
        this.set(top.name, at_ms);
      } else {
        this.#pop();
      }
    }
  }

  close(): Alarms {
    const { heap, live } = this.#before;
    if (this.#heap === heap && this.#live.keys.length === 0) return this.#before;
    return { heap: this.#heap, live: live.with(this.#live) };
  }

  #pop(): void {
    this.#heap = merge(this.#heap?.left ?? null, this.#heap?.right ?? null);
  }

  #isLive({ name, at_ms }: Entry): boolean {
    return this.#live.row(name) === at_ms;
  }
}

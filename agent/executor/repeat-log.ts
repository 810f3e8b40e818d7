/**
 * Log lines of which there may be thousands a second: the first of a kind is written at once, then
 * at most one a second tells how many more there were, with the fields of the last.
 */
import type { Logger } from 'pino';
import type { Clock } from '../../base/clock.ts';
import { cutBytes } from '../../base/cut-bytes.ts';
import { AGENT_LIMITS } from '../limits.ts';
import type { Refusal } from '../model/refusals.ts';

type Level = 'info' | 'warn' | 'error';

interface Line {
  readonly log: Logger;
  readonly level: Level;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly text: string;
}

interface Open {
  last: Line;
  repeated: number;
  callOff: () => void;
}

/** The kind of every line beyond AGENT_LIMITS.log_kinds. */
const OTHERS = 'others';
const MESSAGE_BYTES = 1_024;

export class RepeatLog {
  readonly #clock: Clock;
  readonly #open = new Map<string, Open>();
  #closed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `kind`: lines of one kind within a second are one. */
  tell(kind: string, line: Line): void {
    const known = this.#open.has(kind) || this.#open.size < AGENT_LIMITS.log_kinds;
    const key = known ? kind : OTHERS;
    const open = this.#open.get(key);
    if (open) {
      open.last = line;
      open.repeated += 1;
      return;
    }
    line.log[line.level](line.fields, line.text);
    if (!this.#closed) this.#wait(key, line);
  }

  /** Writes what was only counted so far. Later lines are written one by one. */
  close(): void {
    this.#closed = true;
    for (const { last, repeated, callOff } of this.#open.values()) {
      callOff();
      summarize(last, repeated);
    }
    this.#open.clear();
  }

  #wait(key: string, line: Line): void {
    const callOff = this.#clock.timer(AGENT_LIMITS.log_repeat_ms, () => {
      const open = this.#open.get(key);
      this.#open.delete(key);
      if (!open || open.repeated === 0) return;
      summarize(open.last, open.repeated);
      this.#wait(key, open.last);
    });
    this.#open.set(key, { last: line, repeated: 0, callOff });
  }
}

function summarize({ log, level, fields, text }: Line, repeated: number): void {
  if (repeated > 0) log[level]({ ...fields, repeated }, text);
}

/** A failure as the key `err` of a line: bounded, without its details. */
export function errOf({ code, message, next }: Refusal): Readonly<Record<string, string>> {
  return { code, message: cutBytes(message, MESSAGE_BYTES), next };
}

/** What stood ready over time, part by part of the window of a simulation. Pure. */
import { regionBytes } from '../../agent/model/spec.ts';
import type { HostState } from '../../agent/model/state.ts';
import { SIMULATED_RUNGS, type SimulatedRung } from '../results/simulation.ts';
import type { ReadyPart, ReadyParts, ReadyTally } from './outcome.ts';
import { readyOf } from './ready.ts';

/** Hundredths, like the memory over time. */
const PARTS = 100;

type Functions = Pick<HostState, 'functions'>;

/** Is told before each event, and looks at the host where a part ends. */
export class ReadyWatch {
  readonly #window_ms: number;
  readonly #start_ms: number;
  readonly #parts: Record<SimulatedRung, ReadyPart[]> = { plugged: [], warm: [] };
  #before: ReadyTally | null = null;
  /** Where the part ends that is looked at next; infinite: all were. Asked before each event. */
  #end_ms: number;

  /** `start_ms`: where the window begins; what was before it is of no part. */
  constructor(window_ms: number, start_ms = 0) {
    this.#window_ms = window_ms;
    this.#start_ms = start_ms;
    this.#end_ms = this.#endMs(0);
  }

  /** Nothing has changed since the event before. */
  until(now_ms: number, state: Functions): void {
    if (now_ms >= this.#start_ms) this.#begin(state);
    while (now_ms > this.#end_ms) this.#look(state);
  }

  /** Nothing happens any more. */
  finish(state: Functions): ReadyParts {
    this.#begin(state);
    while (this.#parts.warm.length < PARTS) this.#look(state);
    return this.#parts;
  }

  #endMs(part: number): number {
    return part >= PARTS ? Infinity : this.#start_ms + (this.#window_ms * (part + 1)) / PARTS;
  }

  #begin(state: Functions): void {
    this.#before ??= readyOf(state, this.#start_ms);
  }

  #look(state: Functions): void {
    const now = readyOf(state, this.#end_ms);
    for (const rung of SIMULATED_RUNGS) {
      const { asked, hits, byte_ms } = now[rung];
      const before = this.#before?.[rung] ?? { asked: 0, hits: 0, byte_ms: 0 };
      this.#parts[rung].push({
        asked: asked - before.asked,
        hits: hits - before.hits,
        byte_ms: byte_ms - before.byte_ms,
        want_bytes: wantBytes(state, rung),
      });
    }
    this.#before = now;
    this.#end_ms = this.#endMs(this.#parts.warm.length);
  }
}

function wantBytes({ functions }: Functions, rung: SimulatedRung): number | null {
  let bytes: number | null = null;
  for (const { pool, spec } of functions.values()) {
    const { want } = pool[rung];
    if (want !== null) bytes = (bytes ?? 0) + want * regionBytes(spec);
  }
  return bytes;
}

/** Of several hosts; null as soon as one of them did not count. */
export function sumOfParts(all: readonly (ReadyParts | null)[]): ReadyParts | null {
  const [first, ...others] = all;
  return others.reduce<ReadyParts | null>(
    (sum, own) =>
      sum && own
        ? { plugged: added(sum.plugged, own.plugged), warm: added(sum.warm, own.warm) }
        : null,
    first ?? null,
  );
}

function added(sum: readonly ReadyPart[], own: readonly ReadyPart[]): ReadyPart[] {
  return sum.map((part, at) => {
    const { asked = 0, hits = 0, byte_ms = 0, want_bytes = null } = own[at] ?? {};
    return {
      asked: part.asked + asked,
      hits: part.hits + hits,
      byte_ms: part.byte_ms + byte_ms,
      want_bytes: part.want_bytes === null ? want_bytes : part.want_bytes + (want_bytes ?? 0),
    };
  });
}

/** All parts of a run together. */
export function totalOfParts({ plugged, warm }: ReadyParts): ReadyTally {
  return { plugged: totalOf(plugged), warm: totalOf(warm) };
}

function totalOf(parts: readonly ReadyPart[]): ReadyTally['warm'] {
  let [asked, hits, byte_ms] = [0, 0, 0];
  for (const part of parts) {
    asked += part.asked;
    hits += part.hits;
    byte_ms += part.byte_ms;
  }
  return { asked, hits, byte_ms };
}

/** Heads of a ledger in a file of its own, best on another disk: who keeps them sees a cut tail. */
import { appendFileSync } from 'node:fs';
import type { Head } from '../../ledger/chain.ts';
import { ledgerError } from '../../ledger/errors.ts';

/** Heads are further apart than this; the last one is written at the end. */
const APART_MS = 1_000;

export class HeadsFile {
  readonly #path: string;
  readonly #wallMs: () => number;
  #written_ms = Number.NEGATIVE_INFINITY;
  #seq = 0;

  constructor(path: string, wallMs: () => number) {
    this.#path = path;
    this.#wallMs = wallMs;
  }

  /** Throws HP_LEDGER_LOST. */
  note(ledger: string, { seq, hash }: Head, is_last: boolean): void {
    const wall_ms = this.#wallMs();
    if (seq === this.#seq || (!is_last && wall_ms - this.#written_ms < APART_MS)) return;
    try {
      appendFileSync(this.#path, `${JSON.stringify({ ledger, seq, hash, wall_ms })}\n`);
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw ledgerError('HP_LEDGER_LOST', `the heads cannot be written: ${why}`, { cause });
    }
    this.#written_ms = wall_ms;
    this.#seq = seq;
  }
}

/** What the instances of each function wrote last, kept on the host within bounds. */
import { AGENT_LIMITS } from '../limits.ts';
import type { OutputEntry } from '../model/messages.ts';

/** What an instance wrote, as its guest told it. */
export type Written = Omit<OutputEntry, 'sequence'>;

export class InstanceLogs {
  readonly #kept = new Map<string, { entries: OutputEntry[]; bytes: number }>();
  #next = 1;

  /** Keeps it; the oldest of its function goes when there is too much. */
  add(name: string, written: Written): void {
    const log = this.#kept.get(name) ?? { entries: [], bytes: 0 };
    // Who wrote last is kept longest.
    this.#kept.delete(name);
    this.#kept.set(name, log);
    log.entries.push({ ...written, sequence: this.#next });
    log.bytes += costOf(written);
    this.#next += 1;
    while (log.bytes > AGENT_LIMITS.function_log_bytes) {
      const gone = log.entries.shift();
      if (!gone) break;
      log.bytes -= costOf(gone);
    }
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > AGENT_LIMITS.function_logs && oldest !== undefined) {
      this.#kept.delete(oldest);
    }
  }

  /** Whether anything of it is kept, also after it was removed. */
  has(name: string): boolean {
    return this.#kept.has(name);
  }

  /** What came after `sequence`, oldest first. */
  read(name: string, sequence: number): readonly OutputEntry[] {
    return (this.#kept.get(name)?.entries ?? []).filter((one) => one.sequence > sequence);
  }
}

/** An entry costs something also where it says little. */
function costOf({ bytes }: Pick<OutputEntry, 'bytes'>): number {
  return bytes.length + AGENT_LIMITS.log_entry_bytes;
}

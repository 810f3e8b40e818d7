/** The fake's event monitor: records as the server writes them, lost and cut on demand. */
import { openSync, writeSync } from 'node:fs';
import type { FakeSettings } from './settings.ts';

export class FakeMonitor {
  readonly #fd: number | null;
  readonly #settings: () => FakeSettings;
  readonly #started_ms = performance.now();
  #count = 0;

  /** `target` is what follows `--event-monitor`: `path=FILE` or `fd=N`. */
  constructor(target: string | null, settings: () => FakeSettings) {
    this.#settings = settings;
    if (target === null) this.#fd = null;
    else if (target.startsWith('fd=')) this.#fd = Number(target.slice(3));
    else this.#fd = openSync(target.replace(/^path=/, ''), 'w', 0o644);
  }

  emit(source: string, event: string, properties: Record<string, string> | null = null): void {
    if (this.#fd === null) return;
    this.#count += 1;
    const { lose_event, cut_event } = this.#settings();
    if (lose_event > 0 && this.#count % lose_event === 0) return;
    const since_ms = performance.now() - this.#started_ms;
    const secs = Math.floor(since_ms / 1000);
    const nanos = Math.floor((since_ms - secs * 1000) * 1e6);
    const record = { timestamp: { secs, nanos }, source, event, properties };
    const text = `${JSON.stringify(record, null, 2)}\n\n`;
    const cut = cut_event > 0 && this.#count % cut_event === 0;
    try {
      writeSync(this.#fd, cut ? text.slice(0, Math.floor(text.length / 2)) : text);
    } catch {
      // As the server does: an event that cannot be written is lost.
    }
  }
}

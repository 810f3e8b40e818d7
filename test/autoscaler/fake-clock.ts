import type { Clock } from '../../base/clock.ts';

/** Time passes only when everybody waits: the earliest sleeper is woken next. */
export class FakeClock implements Clock {
  #now_ms = 1_000_000;
  #sleepers: { at_ms: number; wake: () => void }[] = [];
  #running = false;

  nowMs(): number {
    return this.#now_ms;
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const sleeper = { at_ms: this.#now_ms + Math.max(0, ms), wake: resolve };
    this.#sleepers.push(sleeper);
    signal?.addEventListener('abort', () => {
      this.#sleepers = this.#sleepers.filter((one) => one !== sleeper);
      reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
    });
    this.#run();
    await promise;
  }

  timer(ms: number, onTime: () => void): () => void {
    const sleeper = { at_ms: this.#now_ms + Math.max(0, ms), wake: onTime };
    this.#sleepers.push(sleeper);
    this.#run();
    return () => {
      this.#sleepers = this.#sleepers.filter((one) => one !== sleeper);
    };
  }

  #run(): void {
    if (this.#running) return;
    this.#running = true;
    setImmediate(() => {
      this.#running = false;
      const next = this.#sleepers.toSorted((a, b) => a.at_ms - b.at_ms)[0];
      if (!next) return;
      this.#sleepers = this.#sleepers.filter((one) => one !== next);
      this.#now_ms = Math.max(this.#now_ms, next.at_ms);
      next.wake();
      this.#run();
    });
  }
}

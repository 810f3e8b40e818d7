/** A clock that stands still until told to move; sleepers wake in order of their time. */
import type { Clock } from '../../base/clock.ts';

interface Sleeper {
  readonly at_ms: number;
  readonly order: number;
  readonly wake: () => void;
}

export class FakeClock implements Clock {
  #time_ms = 1_000;
  #sleepers: Sleeper[] = [];
  #order = 0;

  nowMs(): number {
    return this.#time_ms;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(new DOMException('aborted', 'AbortError'));
      this.#order += 1;
      const sleeper: Sleeper = {
        at_ms: this.#time_ms + Math.max(0, ms),
        order: this.#order,
        wake: () => resolve(),
      };
      this.#sleepers.push(sleeper);
      signal?.addEventListener(
        'abort',
        () => {
          this.#sleepers = this.#sleepers.filter((one) => one !== sleeper);
          reject(new DOMException('aborted', 'AbortError'));
        },
        { once: true },
      );
    });
  }

  timer(ms: number, onTime: () => void): () => void {
    const at_ms = this.#time_ms + Math.max(0, ms);
    this.#order += 1;
    const sleeper: Sleeper = { at_ms, order: this.#order, wake: onTime };
    this.#sleepers.push(sleeper);
    return () => {
      this.#sleepers = this.#sleepers.filter((one) => one !== sleeper);
    };
  }

  /** Lets `ms` pass; between two sleepers everything that can run without time runs. */
  async advance(ms: number): Promise<void> {
    const end_ms = this.#time_ms + ms;
    await idle();
    for (;;) {
      const next = this.#earliest();
      if (!next || next.at_ms > end_ms) break;
      this.#time_ms = Math.max(this.#time_ms, next.at_ms);
      this.#sleepers = this.#sleepers.filter((one) => one !== next);
      next.wake();
      await idle();
    }
    this.#time_ms = end_ms;
    await idle();
  }

  /** Lets time pass until `promise` settles; fails after `limit_ms`. */
  async until<T>(promise: Promise<T>, limit_ms = 3_600_000): Promise<T> {
    const state = { settled: false };
    const mark = (): void => {
      state.settled = true;
    };
    promise.then(mark, mark);
    const end_ms = this.#time_ms + limit_ms;
    await idle();
    // A disk has its time from when nothing else is waited for, however long all took until then.
    let real_end_ms: number | null = null;
    while (!state.settled) {
      const next = this.#earliest();
      if (!next) {
        real_end_ms ??= performance.now() + DISK_MS_MAX;
        if (performance.now() >= real_end_ms) throw new Error('nothing will settle this promise');
        await aMoment();
        continue;
      }
      real_end_ms = null;
      if (next.at_ms > end_ms) throw new Error('nothing will settle this promise');
      await this.advance(Math.max(0, next.at_ms - this.#time_ms));
    }
    return await promise;
  }

  #earliest(): Sleeper | undefined {
    let best: Sleeper | undefined;
    for (const one of this.#sleepers) {
      const earlier = !best || one.at_ms < best.at_ms;
      if (earlier || (best && one.at_ms === best.at_ms && one.order < best.order)) best = one;
    }
    return best;
  }
}

/** What waits for no time may wait for a real disk, for so long. */
const DISK_MS_MAX = 30_000;

/** A moment of the real clock, in which a disk can answer. */
export async function aMoment(): Promise<void> {
  await new Promise<void>((resolve) => setTimeout(resolve, 1));
}

/**
 * Streams and promises hand on over several turns of the loop; none of them needs time. A real disk
 * that is asked does, and no time of this clock may pass for it.
 */
async function idle(): Promise<void> {
  const real_end_ms = performance.now() + DISK_MS_MAX;
  for (let turn = 0; turn < TURNS; turn += 1) {
    await new Promise<void>((resolve) => setImmediate(resolve));
    if (isDiskAsked() && performance.now() < real_end_ms) turn = -1;
  }
}

const TURNS = 6;

const isDiskAsked = (): boolean =>
  process.getActiveResourcesInfo().some((name) => name.startsWith('FSReq'));

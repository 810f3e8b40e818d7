/**
 * News of many things, passed on: the first at once, and whatever follows too fast together, the
 * newest of each thing. However often a guest speaks, the core hears it a bounded number of times a
 * second.
 */
import type { Clock } from '../../base/clock.ts';
import { observedTimer } from '../../base/observed-timer.ts';

export interface NewsPace {
  /** News are passed on once in this time, on average. */
  readonly interval_ms: number;
  /** So many at once, after a guest was silent for as long as they take. */
  readonly burst: number;
  /** News of several things count as so many; absent: as one, for they are told together. */
  readonly each?: true;
}

export class PacedNews<News> {
  readonly #clock: Clock;
  readonly #pace: NewsPace;
  readonly #emit: (news: readonly News[]) => void;
  readonly #kept = new Map<string, News>();
  /** Until when what was heard so far fills the average. */
  #full_until_ms = Number.NEGATIVE_INFINITY;
  #callOff: (() => void) | null = null;

  constructor(clock: Clock, pace: NewsPace, emit: (news: readonly News[]) => void) {
    this.#clock = clock;
    this.#pace = pace;
    this.#emit = emit;
  }

  /** `key`: what it is about; there is one entry for each, however much is said. */
  tell(key: string, news: News): void {
    this.#kept.set(key, news);
    if (this.#callOff) return;
    const { interval_ms, burst } = this.#pace;
    const wait_ms = this.#full_until_ms - this.#clock.nowMs() - (burst - 1) * interval_ms;
    if (wait_ms <= 0) return this.flush();
    this.#callOff = observedTimer(this.#clock, wait_ms, () => this.flush());
  }

  /** Things of which something is to be passed on. */
  get size(): number {
    return this.#kept.size;
  }

  /** Passes on what there is, because something follows that comes after it. */
  flush(): void {
    this.#callOff?.();
    this.#callOff = null;
    if (this.#kept.size === 0) return;
    const { interval_ms, each } = this.#pace;
    const now_ms = this.#clock.nowMs();
    const takes_ms = interval_ms * (each ? this.#kept.size : 1);
    this.#full_until_ms = Math.max(now_ms, this.#full_until_ms) + takes_ms;
    const news = [...this.#kept.values()];
    this.#kept.clear();
    this.#emit(news);
  }

  close(): void {
    this.#callOff?.();
    this.#callOff = null;
    this.#kept.clear();
  }
}

import type { Clock } from '../../base/clock.ts';

/** The value of `promise`, or a rejection with `late()` when it takes longer than `ms`. */
export async function withDeadline<T>(
  clock: Clock,
  ms: number,
  promise: Promise<T>,
  late: () => Error,
): Promise<T> {
  const timer = new AbortController();
  const timeout = clock.sleep(ms, timer.signal).then(
    () => Promise.reject(late()),
    () => new Promise<never>(() => undefined),
  );
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    timer.abort();
  }
}

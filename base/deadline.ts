import type { Clock } from './clock.ts';

/** The value of `promise`, or a rejection with `late()` when it takes longer than `ms`. */
export function withDeadline<T>(
  clock: Clock,
  ms: number,
  promise: Promise<T>,
  late: () => Error,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const callOff = clock.timer(ms, () => reject(late()));
    promise.then(
      (value) => {
        callOff();
        resolve(value);
      },
      (error: unknown) => {
        callOff();
        reject(error);
      },
    );
  });
}

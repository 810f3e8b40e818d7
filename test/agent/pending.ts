/**
 * A promise that a test keeps aside while it asserts. Should the test fail first, its end is
 * nobody's: what is torn down then rejects it, which must not come beside the reason.
 */
export function pending<T>(kept: Promise<T>): Promise<T> {
  kept.catch(() => undefined);
  return kept;
}

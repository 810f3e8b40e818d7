/** Counts the results in TAP output (https://testanything.org), one line at a time. */

export interface Tally {
  readonly passed: number;
  readonly failed: number;
}

export const emptyTally = (): Tally => ({ passed: 0, failed: 0 });

/**
 * Adds one line. `ok` counts as passed, `not ok` as failed. Skipped and todo tests count as
 * neither: what did not run has not passed.
 */
export function tallyTapLine(tally: Tally, line: string): Tally {
  const result = /^(not )?ok\b(.*)$/.exec(line);
  if (!result) return tally;
  if (/#\s*(skip|todo)\b/i.test(result[2] ?? '')) return tally;
  return result[1]
    ? { ...tally, failed: tally.failed + 1 }
    : { ...tally, passed: tally.passed + 1 };
}

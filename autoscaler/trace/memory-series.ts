/** Memory over time inside one invocation, whatever it came from. Pure. */

/** From this moment on, counted from the start, so much is used. */
export interface MemoryPhase {
  readonly at_ms: number;
  readonly anonymous_bytes: number;
}

/** One invocation. The first phase is at 0, and each is later than the one before. */
export interface MemorySeries {
  readonly name: string;
  readonly phases: readonly MemoryPhase[];
  /** Later than the last phase. */
  readonly duration_ms: number;
}

/** The most that is used at any time. */
export function peakOf({ phases }: MemorySeries): number {
  return phases.reduce((most, { anonymous_bytes }) => Math.max(most, anonymous_bytes), 0);
}

/** What is used, on average over the invocation. */
export function averageOf({ phases, duration_ms }: MemorySeries): number {
  let byte_ms = 0;
  for (const [index, { at_ms, anonymous_bytes }] of phases.entries()) {
    byte_ms += anonymous_bytes * ((phases[index + 1]?.at_ms ?? duration_ms) - at_ms);
  }
  return byte_ms / duration_ms;
}

/** Shares at which memory of an application is told; the values of a row are in this order. */
export const MEMORY_SHARES = [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1] as const;

/** One application, or one function of it in a piece of the trace. */
export interface AppMemory {
  /** Application, with its function where the file has one. */
  readonly name: string;
  readonly samples: number;
  /** At each of {@link MEMORY_SHARES}, ascending. */
  readonly percentiles_bytes: readonly number[];
}

/** The memory below which a share of the samples lies; between two that are told, on a line. */
export function memoryAt({ percentiles_bytes }: AppMemory, share: number): number {
  const above = MEMORY_SHARES.findIndex((one) => one >= share);
  const high = percentiles_bytes[above] ?? 0;
  if (above <= 0) return high;
  const low = percentiles_bytes[above - 1] ?? 0;
  const from = MEMORY_SHARES[above - 1] ?? 0;
  return Math.round(low + ((high - low) * (share - from)) / ((MEMORY_SHARES[above] ?? 1) - from));
}

/**
 * One invocation of an application that uses `peak_bytes` at most. The file tells nothing of the
 * course of memory inside an invocation: assumed is the 1st percentile at the start and the end,
 * and the peak for the half between them.
 */
export function invocationOf(
  app: AppMemory,
  peak_bytes: number,
  duration_ms: number,
): MemorySeries {
  const floor_bytes = Math.min(peak_bytes, app.percentiles_bytes[0] ?? 0);
  return {
    name: app.name,
    phases: [
      { at_ms: 0, anonymous_bytes: floor_bytes },
      { at_ms: duration_ms / 4, anonymous_bytes: peak_bytes },
      { at_ms: (duration_ms * 3) / 4, anonymous_bytes: floor_bytes },
    ],
    duration_ms,
  };
}

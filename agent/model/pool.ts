/**
 * Pool: how ready the memory of a function stands, as plain data. Memory is on one ladder of rungs,
 * moved up ahead of demand and down with age. What is counted here is learned anew by the next
 * agent. Pure.
 */
import { partsAt } from './parts.ts';

/**
 * From no memory to memory in use. `plugged`: nobody's, and there for the next start. `populated`:
 * the same, touched and clean by its guest's word. `warm`: an idle instance. `busy`: one that
 * starts, runs or ends.
 */
export const RUNGS = ['unplugged', 'plugged', 'populated', 'warm', 'busy'] as const;

/** On which memory stands ready, and nobody uses it. */
export const READY_RUNGS = ['plugged', 'populated', 'warm'] as const;
export type ReadyRung = (typeof READY_RUNGS)[number];

/** What a rung is to hold, costs, and was good for. */
export interface RungState {
  /** Of the last answer; null: nobody said. What is wanted plugged is populated where it can. */
  readonly want: number | null;
  /** Granted to what stands there now. */
  readonly bytes: number;
  /** The same over time, until it was metered last. */
  readonly byte_ms: number;
  /**
   * Who looked there: calls for an idle instance, starts that somebody waits for for a region. What
   * is populated is plugged as well: such a start looks for both.
   */
  readonly asked: number;
  /** Those that found one at once. */
  readonly hits: number;
  /** The last time somebody did; null: never. */
  readonly used_at_ms: number | null;
}

export interface PoolState extends Readonly<Record<ReadyRung, RungState>> {
  /** Null: not yet. */
  readonly metered_at_ms: number | null;
}

const NO_RUNG: RungState = {
  want: null,
  bytes: 0,
  byte_ms: 0,
  asked: 0,
  hits: 0,
  used_at_ms: null,
};
export const NO_POOL: PoolState = {
  plugged: NO_RUNG,
  populated: NO_RUNG,
  warm: NO_RUNG,
  metered_at_ms: null,
};

/** What of a region is looked at. */
interface RegionParts {
  readonly ready: boolean;
  readonly holder: string | null;
  readonly operation_id: string | null;
  readonly plugged_bytes: number;
  readonly prepared_bytes?: number | null;
  readonly far_index?: number;
}

/** The rung of a region that stands there for nobody yet; null: it does not. */
export function standsOn(region: RegionParts): 'plugged' | 'populated' | null {
  const { ready, holder, operation_id, plugged_bytes, prepared_bytes } = region;
  if (!ready || holder !== null || operation_id !== null) return null;
  const is_prepared = plugged_bytes > 0 && (prepared_bytes ?? 0) >= plugged_bytes;
  return is_prepared ? 'populated' : 'plugged';
}

/** What of a VM is looked at. */
interface Parts {
  readonly made_ready: boolean;
  readonly regions: readonly (RegionParts & { readonly permit_bytes: number })[];
  readonly instances: readonly { readonly phase: string; readonly region_index: number }[];
}

/** What of a VM stands ready, by rung. */
export function readyBytes({ made_ready, regions, instances }: Parts): Record<ReadyRung, number> {
  const bytes = { plugged: 0, populated: 0, warm: 0 };
  if (made_ready) {
    for (const region of regions) {
      const rung = standsOn(region);
      if (rung !== null) bytes[rung] += region.permit_bytes;
    }
  }
  for (const { phase, region_index } of instances) {
    if (phase !== 'idle') continue;
    for (const part of partsAt(regions, region_index)) bytes.warm += part.permit_bytes;
  }
  return bytes;
}

/** Somebody looked there; `hit`: and found one. */
export function withLook(
  pool: PoolState,
  rung: ReadyRung,
  hit: boolean,
  now_ms: number,
): PoolState {
  const { want, bytes, byte_ms, asked, hits, used_at_ms } = pool[rung];
  const counts = hit
    ? { asked: asked + 1, hits: hits + 1, used_at_ms: now_ms }
    : { asked: asked + 1, hits, used_at_ms };
  return { ...pool, [rung]: { want, bytes, byte_ms, ...counts } };
}

/** So many are to stand there. */
export function withWant(pool: PoolState, rung: ReadyRung, want: number | null): PoolState {
  return pool[rung].want === want ? pool : { ...pool, [rung]: { ...pool[rung], want } };
}

/** Metered until now, and other bytes from now on. */
export function withBytes(
  pool: PoolState,
  more_bytes: Readonly<Record<ReadyRung, number>>,
  now_ms: number,
): PoolState {
  const metered = (rung: ReadyRung): RungState => {
    const bytes = pool[rung].bytes + more_bytes[rung];
    return { ...pool[rung], byte_ms: byteMsAt(pool, rung, now_ms), bytes };
  };
  return {
    plugged: metered('plugged'),
    populated: metered('populated'),
    warm: metered('warm'),
    metered_at_ms: now_ms,
  };
}

/** What standing there has cost until now (bytes times ms). */
export function byteMsAt(pool: PoolState, rung: ReadyRung, now_ms: number): number {
  const { bytes, byte_ms } = pool[rung];
  const since_ms = pool.metered_at_ms === null ? 0 : Math.max(0, now_ms - pool.metered_at_ms);
  return byte_ms + bytes * since_ms;
}

/** The share of those who looked that found one, in percent; null: nobody looked. */
export function hitPercent({ asked, hits }: Pick<RungState, 'asked' | 'hits'>): number | null {
  return asked === 0 ? null : (100 * hits) / asked;
}

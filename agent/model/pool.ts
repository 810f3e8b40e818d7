/**
 * Pool: how ready the memory of a function stands, as plain data. Memory is on one ladder of rungs,
 * moved up ahead of demand and down with age. What is counted here is learned anew by the next
 * agent. Pure.
 */
import { sumAt } from './parts.ts';

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
    if (phase === 'idle') bytes.warm += sumAt(regions, region_index, permitOf);
  }
  return bytes;
}

const permitOf = ({ permit_bytes }: { readonly permit_bytes: number }): number => permit_bytes;

/** By how much more stands ready in a VM than before it changed, by rung; null: by nothing. */
export function readyChange(
  before: Parts | null,
  now: Parts | null,
): Readonly<Record<ReadyRung, number>> | null {
  const { plugged, populated, warm } = now === null ? NOTHING : readyBytes(now);
  const was = before === null ? NOTHING : readyBytes(before);
  if (plugged === was.plugged && populated === was.populated && warm === was.warm) return null;
  return {
    plugged: plugged - was.plugged,
    populated: populated - was.populated,
    warm: warm - was.warm,
  };
}

/** A VM that is not up holds nothing that a start could have. */
const NOTHING: Readonly<Record<ReadyRung, number>> = { plugged: 0, populated: 0, warm: 0 };

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
  return withRung(pool, rung, { want, bytes, byte_ms, ...counts });
}

/** With one rung as it is now. Of every call: each is named, and none is looked up. */
function withRung(
  { plugged, populated, warm, metered_at_ms }: PoolState,
  rung: ReadyRung,
  now: RungState,
): PoolState {
  return {
    plugged: rung === 'plugged' ? now : plugged,
    populated: rung === 'populated' ? now : populated,
    warm: rung === 'warm' ? now : warm,
    metered_at_ms,
  };
}

/** So many are to stand there. */
export function withWant(pool: PoolState, rung: ReadyRung, want: number | null): PoolState {
  return pool[rung].want === want ? pool : withRung(pool, rung, { ...pool[rung], want });
}

/** Metered until now, and other bytes from now on. */
export function withBytes(
  pool: PoolState,
  more_bytes: Readonly<Record<ReadyRung, number>>,
  now_ms: number,
): PoolState {
  const { plugged, populated, warm } = pool;
  const since_ms = sinceMetered(pool, now_ms);
  return {
    plugged: metered(plugged, since_ms, more_bytes.plugged),
    populated: metered(populated, since_ms, more_bytes.populated),
    warm: metered(warm, since_ms, more_bytes.warm),
    metered_at_ms: now_ms,
  };
}

/** A rung that stays empty is as it was. */
function metered(rung: RungState, since_ms: number, more_bytes: number): RungState {
  const { bytes, byte_ms } = rung;
  if (bytes === 0 && more_bytes === 0) return rung;
  return { ...rung, byte_ms: byte_ms + bytes * since_ms, bytes: bytes + more_bytes };
}

function sinceMetered({ metered_at_ms }: PoolState, now_ms: number): number {
  return metered_at_ms === null ? 0 : Math.max(0, now_ms - metered_at_ms);
}

/** What standing there has cost until now (bytes times ms). */
export function byteMsAt(pool: PoolState, rung: ReadyRung, now_ms: number): number {
  const { bytes, byte_ms } = pool[rung];
  return byte_ms + bytes * sinceMetered(pool, now_ms);
}

/** The share of those who looked that found one, in percent; null: nobody looked. */
export function hitPercent({ asked, hits }: Pick<RungState, 'asked' | 'hits'>): number | null {
  return asked === 0 ? null : (100 * hits) / asked;
}

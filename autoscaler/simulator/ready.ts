/** What stood ready in a simulated run, of all its functions and hosts together. Pure. */
import { byteMsAt } from '../../agent/model/pool.ts';
import type { HostState } from '../../agent/model/state.ts';
import { GIB } from '../../base/units.ts';
import { type ReadyPartFigures, type RunFigures, SIMULATED_RUNGS } from '../results/simulation.ts';
import type { ReadyPart, ReadyParts, ReadyTally } from './outcome.ts';

const NOTHING: ReadyTally = {
  plugged: { asked: 0, hits: 0, byte_ms: 0 },
  warm: { asked: 0, hits: 0, byte_ms: 0 },
};

/** By the books of the core at that moment. What a live guest has prepared stands plugged, too. */
export function readyOf({ functions }: Pick<HostState, 'functions'>, now_ms: number): ReadyTally {
  const sum = {
    plugged: { asked: 0, hits: 0, byte_ms: 0 },
    warm: { asked: 0, hits: 0, byte_ms: 0 },
  };
  // A run of few calls has hundreds of functions and looks at them a hundred times.
  for (const { pool } of functions.values()) {
    for (const rung of SIMULATED_RUNGS) {
      sum[rung].asked += pool[rung].asked;
      sum[rung].hits += pool[rung].hits;
      sum[rung].byte_ms += byteMsAt(pool, rung, now_ms);
    }
    sum.plugged.byte_ms += byteMsAt(pool, 'populated', now_ms);
  }
  return sum;
}

/** Null as soon as one of them did not count. */
export function sumOfReady(parts: readonly (ReadyTally | null)[]): ReadyTally | null {
  return parts.reduce<ReadyTally | null>(
    (sum, part) => (sum && part ? withPart(sum, part) : null),
    NOTHING,
  );
}

function withPart(sum: ReadyTally, part: ReadyTally): ReadyTally {
  const of = (rung: 'plugged' | 'warm') => ({
    asked: sum[rung].asked + part[rung].asked,
    hits: sum[rung].hits + part[rung].hits,
    byte_ms: sum[rung].byte_ms + part[rung].byte_ms,
  });
  return { plugged: of('plugged'), warm: of('warm') };
}

/** As results tell it; `parts` null: not over time. */
export function readyFigures(
  tally: ReadyTally,
  parts: ReadyParts | null,
): NonNullable<RunFigures['ready']> {
  return SIMULATED_RUNGS.map((rung) => {
    const { asked, hits, byte_ms } = tally[rung];
    const all = { rung, asked, hits, idle_gib_s: byte_ms / GIB / 1_000 };
    return parts === null ? all : { ...all, parts: parts[rung].map(partFigures) };
  });
}

function partFigures({ asked, hits, byte_ms, want_bytes }: ReadyPart): ReadyPartFigures {
  const want_gib = want_bytes === null ? null : want_bytes / GIB;
  return { asked, hits, idle_gib_s: byte_ms / GIB / 1_000, want_gib };
}

/** What Status and metrics tell of memory that stands ready, rung by rung. Pure. */
import { GIB } from '../../base/units.ts';
import {
  byteMsAt,
  hitPercent,
  type PoolState,
  type ReadyRung,
  RUNGS,
  standsOn,
} from '../model/pool.ts';
import type { GuestStats } from '../../guest/protocol/protocol.ts';
import type { GuestPages, RungStatus } from '../model/pool-messages.ts';
import { preparesAhead } from '../core/prepare.ts';
import type { CoreConfig } from '../model/config.ts';
import { isHome } from '../model/parts.ts';
import type { FunctionState, VmState } from '../model/state.ts';

type RungCounts = Readonly<Record<(typeof RUNGS)[number], number>>;

/** Regions of instances on each rung now. */
export function rungCounts(vms: readonly Pick<VmState, 'regions' | 'instances'>[]): RungCounts {
  const counts = { unplugged: 0, plugged: 0, populated: 0, warm: 0, busy: 0 };
  for (const { regions, instances } of vms) {
    for (const region of regions) {
      if (!isHome(region) || region.holder !== null) continue;
      counts[standsOn(region) ?? 'unplugged'] += 1;
    }
    for (const { phase } of instances) {
      if (phase === 'idle') counts.warm += 1;
      else counts.busy += 1;
    }
  }
  return counts;
}

/** What standing on a rung has cost until now. */
const idleGibS = (pool: PoolState, rung: ReadyRung, now_ms: number): number =>
  byteMsAt(pool, rung, now_ms) / GIB / 1_000;

const NOT_COUNTED = {
  want: null,
  asked: null,
  hits: null,
  hit_percent: null,
  idle_gib_s: null,
  used_at_ms: null,
};

/** From the lowest to the highest. */
export function rungsStatus(
  fn: Pick<FunctionState, 'pool' | 'spec'>,
  vms: readonly VmState[],
  { config, now_ms }: { readonly config: Pick<CoreConfig, 'prepare'>; readonly now_ms: number },
): RungStatus[] {
  const { pool } = fn;
  const counts = rungCounts(vms);
  // What an earlier agent had prepared stands there still.
  const is_offered = counts.populated > 0 || vms.some((vm) => preparesAhead(config, fn, vm));
  return RUNGS.map((rung) => {
    if (rung === 'populated' && !is_offered) return { rung, have: null, ...NOT_COUNTED };
    const have = counts[rung];
    if (rung === 'unplugged' || rung === 'busy') return { rung, have, ...NOT_COUNTED };
    const { want, asked, hits, used_at_ms } = pool[rung];
    const hit_percent = hitPercent(pool[rung]);
    const idle_gib_s = idleGibS(pool, rung, now_ms);
    return { rung, have, want, asked, hits, hit_percent, idle_gib_s, used_at_ms };
  });
}

/** What a guest has cleared since its boot; null: it does not count, or was not asked for it. */
export function pagesOf({ ready }: GuestStats): GuestPages | null {
  if (!ready) return null;
  return {
    cleared: ready.pages_cleared,
    skipped: ready.pages_skipped,
    prepared: ready.pages_prepared,
    cleared_twice: ready.pages_cleared_twice,
  };
}

/** What all guests have cleared; null as soon as one does not tell, and where there is none. */
export function pagesStatus(told: readonly (GuestStats | null)[]): GuestPages | null {
  const sum = { cleared: 0, skipped: 0, prepared: 0, cleared_twice: 0 };
  for (const stats of told) {
    const pages = stats && pagesOf(stats);
    if (!pages) return null;
    sum.cleared += pages.cleared;
    sum.skipped += pages.skipped;
    sum.prepared += pages.prepared;
    sum.cleared_twice += pages.cleared_twice;
  }
  return told.length > 0 ? sum : null;
}

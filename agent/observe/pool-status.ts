/** What Status and metrics tell of memory that stands ready, rung by rung. Pure. */
import { GIB } from '../../base/units.ts';
import { byteMsAt, hitPercent, type PoolState, RUNGS } from '../model/pool.ts';
import type { RungStatus } from '../model/pool-messages.ts';
import type { FunctionState, VmState } from '../model/state.ts';

/** Null: not offered. */
interface RungCounts extends Readonly<Record<'unplugged' | 'plugged' | 'warm' | 'busy', number>> {
  readonly populated: null;
}

/** Regions of instances on each rung now. */
export function rungCounts(vms: readonly Pick<VmState, 'regions' | 'instances'>[]): RungCounts {
  const counts = { unplugged: 0, plugged: 0, populated: null, warm: 0, busy: 0 };
  for (const { regions, instances } of vms) {
    for (const { holder, ready, operation_id, of_spans } of regions) {
      if (of_spans || holder !== null) continue;
      if (ready && operation_id === null) counts.plugged += 1;
      else counts.unplugged += 1;
    }
    for (const { phase } of instances) {
      if (phase === 'idle') counts.warm += 1;
      else counts.busy += 1;
    }
  }
  return counts;
}

/** What standing on a rung has cost until now. */
const idleGibS = (pool: PoolState, rung: 'plugged' | 'warm', now_ms: number): number =>
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
  { pool }: Pick<FunctionState, 'pool'>,
  vms: readonly VmState[],
  now_ms: number,
): RungStatus[] {
  const counts = rungCounts(vms);
  return RUNGS.map((rung) => {
    const have = counts[rung];
    if (rung !== 'plugged' && rung !== 'warm') return { rung, have, ...NOT_COUNTED };
    const { want, asked, hits, used_at_ms } = pool[rung];
    const hit_percent = hitPercent(pool[rung]);
    const idle_gib_s = idleGibS(pool, rung, now_ms);
    return { rung, have, want, asked, hits, hit_percent, idle_gib_s, used_at_ms };
  });
}

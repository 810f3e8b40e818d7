/**
 * Calls served from two tiers in virtual time: with one share for all, or with the share that is
 * chosen for each kind of call. A kind has instances of its own, and an instance keeps its share as
 * long as it lives. Starts of instances are not part of a call here: they are the same for every
 * share. Chance comes from a seed. Pure.
 */
import { seededRandom } from '../../../base/random.ts';
import { GIB } from '../../../base/units.ts';
import { chooseShare, sharePerInstance } from '../../../agent/model/tier-share.ts';
import type { TierClass, TierWorkload } from './workload.ts';

/** How shares are chosen. */
export type ShareArm =
  | { readonly kind: 'static'; readonly share: number }
  | { readonly kind: 'adaptive' }
  | { readonly kind: 'per-instance' };

export interface TierFigures {
  readonly arm: string;
  readonly calls: number;
  readonly violations: number;
  readonly starts: number;
  /** Local memory of all instances, times how long they were there. */
  readonly local_gib_s: number;
  readonly all_gib_s: number;
}

export interface TierRun {
  readonly span_s: number;
  readonly keep_alive_s: number;
  readonly seed: number;
  readonly deviations: number;
}

interface Instance {
  readonly share: number;
  readonly since_s: number;
  /** Busy until then, idle after. */
  free_s: number;
}

const MS_PER_S = 1_000;

/** Every kind has arrivals of its own, the same for every arm. */
export function playTiers(workload: TierWorkload, arm: ShareArm, run: TierRun): TierFigures {
  let [calls, violations, starts, local_gib_s, all_gib_s] = [0, 0, 0, 0, 0];
  for (const [index, kind] of workload.classes.entries()) {
    const told = playClass(kind, arm, { ...run, seed: run.seed + index });
    calls += told.calls;
    violations += told.violations;
    starts += told.starts;
    local_gib_s += told.local_gib_s;
    all_gib_s += told.all_gib_s;
  }
  return { arm: armName(arm), calls, violations, starts, local_gib_s, all_gib_s };
}

const armName = (arm: ShareArm): string => (arm.kind === 'static' ? `all ${arm.share}` : arm.kind);

function playClass(kind: TierClass, arm: ShareArm, run: TierRun): Omit<TierFigures, 'arm'> {
  const random = seededRandom(run.seed);
  const share = shareOf(kind, arm, run.deviations);
  const latency_ms = latencyAt(kind, share);
  const told = { calls: 0, violations: 0, starts: 0, local_gib_s: 0, all_gib_s: 0 };
  let live: Instance[] = [];
  const end = ({ share: local, since_s, free_s }: Instance, at_s: number): void => {
    const held_s = Math.min(at_s, free_s + run.keep_alive_s) - since_s;
    told.all_gib_s += (kind.bytes / GIB) * held_s;
    told.local_gib_s += (kind.bytes / GIB) * held_s * local;
  };
  let at_s = gapS(random, kind.calls_per_s);
  while (at_s < run.span_s) {
    const now_s = at_s;
    const old = live.filter(({ free_s }) => free_s + run.keep_alive_s <= now_s);
    for (const one of old) end(one, now_s);
    if (old.length > 0) live = live.filter(({ free_s }) => free_s + run.keep_alive_s > now_s);
    const idle = live.filter(({ free_s }) => free_s <= now_s);
    // The one that ended last: others are left to age.
    const warm = idle.toSorted((a, b) => b.free_s - a.free_s)[0];
    const taken_s = latency_ms / MS_PER_S;
    if (warm) warm.free_s = now_s + taken_s;
    else {
      live.push({ share, since_s: now_s, free_s: now_s + taken_s });
      told.starts += 1;
    }
    told.calls += 1;
    if (latency_ms > kind.slo_ms) told.violations += 1;
    at_s += gapS(random, kind.calls_per_s);
  }
  for (const one of live) end(one, run.span_s);
  return told;
}

function shareOf(kind: TierClass, arm: ShareArm, deviations: number): number {
  if (arm.kind === 'static') return arm.share;
  const asked = { ...kind, deviations };
  const choose = arm.kind === 'adaptive' ? chooseShare : sharePerInstance;
  return choose(kind.table, asked)?.share ?? 1;
}

/** Of a share that the table does not have, that of the next smaller one: never too fast. */
function latencyAt({ table }: TierClass, share: number): number {
  const rows = table.toSorted((a, b) => a.share - b.share);
  const row = rows.findLast((one) => one.share <= share) ?? rows[0];
  return row?.latency_ms ?? 0;
}

/** Of independent arrivals. */
const gapS = (random: () => number, calls_per_s: number): number =>
  -Math.log(1 - random()) / calls_per_s;

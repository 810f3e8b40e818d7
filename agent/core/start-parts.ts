/**
 * What a start plugs: the region that its instance is in, or, where its function has two tiers, a
 * part of it near and the rest far. It gets all of it or none.
 */
import { type Refusal, REFUSALS } from '../model/refusals.ts';
import {
  type FunctionState,
  type QueuedInvocation,
  type RegionState,
  vmSpec,
  type VmState,
} from '../model/state.ts';
import { partsOfStart, type StartedParts } from '../model/tier-share.ts';
import { bytesOf, sumBytes, type Tier, tierBytes } from '../model/tiers.ts';
import { type Draft, readFunction } from './draft.ts';
import { askFor, askForTier } from './permits.ts';
import { pressedTo } from './pressed.ts';
import { shortTier, waitsLonger } from './shortages.ts';
import { sizeForStart } from './sizing.ts';

/** A region that a start plugs, and to what. */
interface StartPart {
  readonly region: Readonly<RegionState>;
  readonly to_bytes: number;
}

export interface StartPlan {
  readonly because: string;
  /** At least one; the near one first. */
  readonly parts: readonly [StartPart, ...StartPart[]];
  /** Null: it has no other part. */
  readonly split: StartedParts | null;
}

/** What the start of an instance in this region comes to; nothing is changed. */
export function planStart(
  draft: Draft,
  fn: FunctionState,
  vm: VmState,
  region: RegionState,
  cause: QueuedInvocation | null,
): StartPlan {
  const { to_bytes, because } = sizeForStart(draft, fn, vm, region, cause);
  const { tiers } = vmSpec(fn, vm);
  const far = region.far_index === undefined ? undefined : vm.regions[region.far_index];
  if (!tiers || !far) return { because, parts: [{ region, to_bytes }], split: null };
  const split = partsOfStart(tiers, to_bytes, { pace: fn.pace, now_ms: draft.now_ms });
  const near_part = partOf(region, split.near_bytes);
  const far_part = partOf(far, split.far_bytes);
  if (split.near_bytes === 0) return { because, parts: [far_part], split };
  return { because, parts: split.far_bytes === 0 ? [near_part] : [near_part, far_part], split };
}

/** What is plugged or on its way already is not taken back. */
const partOf = (region: RegionState, bytes: number): StartPart => ({
  region,
  to_bytes: Math.max(bytes, region.plugged_bytes, region.target_bytes),
});

/** Why a start was not made, and what it would have taken. */
export interface NotStarted {
  readonly failure: Refusal;
  /** The region that lacks memory. */
  readonly region_index: number;
  readonly to_bytes: number;
  readonly more_bytes: number;
}

/** Memory that is wanting, or that others wait longer for; null: all of it is there. */
export function whyNotNow(
  draft: Draft,
  fn: FunctionState,
  { parts }: StartPlan,
  cause: QueuedInvocation | null,
): NotStarted | null {
  const pressed = pressedTo(draft, 'start');
  if (pressed) return lackOf(parts[0], pressed);
  const wanted = parts.filter((part) => moreOf(part) > 0);
  const tiers = wanted.map(({ region }) => region.tier);
  const first = wanted.length > 0 ? waitsLonger(draft, fn, cause, tiers) : null;
  if (first !== null) return behind(draft, wanted, first);
  for (const part of wanted) {
    const failure = askForTier(draft, part.region.tier, moreOf(part));
    if (failure) return lackOf(part, failure);
  }
  const [one, other] = wanted;
  if (!one || !other) return null;
  // What the host can give is told of all its nodes together.
  const both = sumBytes(
    tierBytes(one.region.tier, moreOf(one)),
    tierBytes(other.region.tier, moreOf(other)),
  );
  const failure = askFor(draft, both);
  return failure && lackOf(one, failure);
}

const moreOf = ({ region, to_bytes }: StartPart): number =>
  Math.max(0, to_bytes - region.permit_bytes);

const lackOf = ({ region, to_bytes }: StartPart, failure: Refusal): NotStarted => {
  const more_bytes = to_bytes - region.permit_bytes;
  return { failure, region_index: region.index, to_bytes, more_bytes };
};

/** `name` waits longer for memory of a tier that one of these parts wants. */
function behind(draft: Draft, wanted: readonly StartPart[], name: string): NotStarted | null {
  const waits = readFunction(draft, name)?.short;
  const tier: Tier | null = waits ? shortTier(waits) : null;
  const part = wanted.find(({ region }) => region.tier === tier) ?? wanted[0];
  if (!part) return null;
  const granted_bytes = bytesOf(draft.granted, part.region.tier);
  const limit_bytes = bytesOf(draft.state.capacity, part.region.tier);
  const failure = REFUSALS.behindOthers(moreOf(part), granted_bytes, limit_bytes, name);
  return lackOf(part, failure);
}

/**
 * An update: a function that serves gets another definition under its name. What its VMs need not
 * know changes in place; else they are replaced, one by one, while the function serves. Pure.
 */
import type { Refusal } from './refusals.ts';
import { type FunctionSpec, regionBytes, specDifferences } from './spec.ts';
import { dividedTiers, homeNode, largestParts } from './tiers-spec.ts';

/** What changing one definition into another takes. */
export interface UpdatePlan {
  /** Fields that differ. */
  readonly changed: readonly string[];
  /** VMs of the one are none of the other: they are to be replaced. */
  readonly needs_vms: boolean;
  /** Why it cannot be done while the function is there; null: it can. */
  readonly refused: string | null;
}

/** Fields that are about the function alone. */
const IN_PLACE: ReadonlySet<string> = new Set([
  'keep_alive_ms',
  'max_vms',
  'instances',
  'deadline_ms',
  'reclaim_slo',
  'pool',
]);

export function planUpdate(from: FunctionSpec, to: FunctionSpec): UpdatePlan {
  const changed = specDifferences(from, to);
  const needs_vms = changed.some((field) => !IN_PLACE.has(field) && !isSmall(field, from, to));
  return { changed, needs_vms, refused: whyNever(from, to) };
}

/** A part of a field changed that VMs need not know. */
function isSmall(field: string, from: FunctionSpec, to: FunctionSpec): boolean {
  // Sizes are asked for anew for each start; whether they follow the use at all is the VM's.
  if (field === 'memory') return from.memory !== null && to.memory !== null;
  if (field === 'tiers') return haveRoom(from, to);
  if (field !== 'program' || !from.program || !to.program) return false;
  const { timeout_ms } = to.program;
  return JSON.stringify({ ...from.program, timeout_ms }) === JSON.stringify(to.program);
}

/** Regions of the one have room for every share of the other, on the same nodes. */
function haveRoom(from: FunctionSpec, to: FunctionSpec): boolean {
  const [before, after] = [dividedTiers(from), dividedTiers(to)];
  if (!before && !after) return homeNode(from) === homeNode(to);
  if (!before || !after || before.far_node !== after.far_node) return false;
  const has = largestParts(regionBytes(from), before);
  const wants = largestParts(regionBytes(to), after);
  return wants.near_bytes <= has.near_bytes && wants.far_bytes <= has.far_bytes;
}

/** Old and new VMs serve side by side, under one name. */
function whyNever(from: FunctionSpec, to: FunctionSpec): string | null {
  if (from.tenant !== to.tenant) return 'what it had is on the account of its tenant';
  if (from.program?.interface === to.program?.interface) return null;
  return 'its callers speak to it by its interface';
}

/** An earlier definition, that of a VM which is to be replaced. */
export interface OutdatedState {
  readonly spec: FunctionSpec;
  /** Of the function, when that held. */
  readonly revision: number;
}

/** Who asked for an update, and is told when no VM of an earlier definition takes work. */
export interface UpdateRequest {
  readonly request_id: string;
  readonly changed: readonly string[];
  /** How many VMs give way to others. */
  readonly replaced_vms: number;
}

/** VMs of earlier definitions are being replaced. */
export interface UpdateState {
  readonly requests: readonly UpdateRequest[];
  /** The VM that takes the place of one of them once it runs; null: none was launched yet. */
  readonly successor_id: string | null;
  /** How many in a row did not come up, or could not be launched. */
  readonly tries: number;
  /** When the next is launched at the earliest; null: at once. */
  readonly retry_at_ms: number | null;
  /** What was in the way last; null: nothing. */
  readonly failure: Refusal | null;
}

/** Nothing is in the way yet. */
export const FRESH_UPDATE: UpdateState = {
  requests: [],
  successor_id: null,
  tries: 0,
  retry_at_ms: null,
  failure: null,
};

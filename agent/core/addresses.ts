/** Which addresses a VM has on the bridge of its function. */
import { placeIn, type VmNetwork } from '../model/network.ts';
import { REFUSALS, type Refusal } from '../model/refusals.ts';
import type { FunctionSpec } from '../model/spec.ts';
import type { Draft } from './draft.ts';

/** Null where the function has no network; or why there are none. */
export function addressesFor(
  draft: Draft,
  { name, network, concurrency }: FunctionSpec,
): { readonly network: VmNetwork | null } | { readonly refused: Refusal } {
  if (!network) return { network: null };
  const pool = draft.config.bridges.find(({ bridge }) => bridge === network.bridge);
  if (!pool) {
    const missing = `'${network.bridge}' is not among the bridges of the agent any more`;
    return { refused: REFUSALS.noNetwork(name, [missing]) };
  }
  const found = placeIn(pool, concurrency, networksOf(draft));
  if (found) return { network: found };
  return { refused: REFUSALS.noAddress(pool.bridge, concurrency, pool.count) };
}

/** Of all VMs there are, those of this step included. */
function* networksOf(draft: Draft): Iterable<VmNetwork | null> {
  for (const id of draft.vms.keys) yield draft.vms.get(id)?.network ?? null;
  for (const [id, { network }] of draft.state.vms) {
    if (draft.vms.get(id) === undefined) yield network;
  }
}

/** What must hold of budgets of host nodes, reckoned apart from the core. */
import { MIB } from '../../../base/units.ts';
import type { FunctionSpec } from '../../../agent/model/spec.ts';
import type { HostState, VmState } from '../../../agent/model/state.ts';
import { bytesOf, type TierBytes, tiersIn } from '../../../agent/model/tiers.ts';

type Tiered = Pick<FunctionSpec, 'tiers' | 'limit_bytes'>;

/** How many blocks of each instance are near, and how many it has; null: its share is chosen. */
function nearBlocks({ tiers, limit_bytes }: Tiered): { near: number; all: number } | null {
  const all = Math.ceil(limit_bytes / (128 * MIB));
  const { share = null } = tiers ?? {};
  return share === null ? null : { near: Math.ceil(all * share - 1e-6), all };
}

/** Whether each instance has a far region beside its own. */
export function hasFar(spec: Tiered): boolean {
  if (!spec.tiers) return false;
  const blocks = nearBlocks(spec);
  return !blocks || (blocks.near > 0 && blocks.near < blocks.all);
}

/**
 * No tier has given more than its budget, each as its rows say; and regions are of the tier that
 * the definition of their VM names.
 */
export function checkTiers(
  { capacity, granted, functions, vms }: HostState,
  counted: TierBytes,
  leastOf: (vm_id: string, region_id: string) => number,
): void {
  for (const vm of vms.values()) {
    checkParts(vm);
    checkServes(vm, leastOf);
  }
  for (const tier of tiersIn({ ...capacity, ...granted, ...counted })) {
    const given = bytesOf(granted, tier);
    if (given > bytesOf(capacity, tier)) throw new Error(`${tier}: book above its limit`);
    const rows = bytesOf(counted, tier);
    if (rows !== given) throw new Error(`${tier}: the book says ${given}, its rows ${rows}`);
  }
  for (const vm of vms.values()) {
    const spec = vm.outdated?.spec ?? functions.get(vm.function)?.spec;
    const { host_node = null, concurrency = 0, spans = [], tiers = null } = spec ?? {};
    const far_node = tiers?.far_node ?? null;
    const all_far = spec && nearBlocks(spec)?.near === 0 ? far_node : null;
    for (const { id, index, tier } of vm.regions) {
      // Behind those of the instances come the spans of each of them, or the far part of each.
      const is_home = index < concurrency;
      const span = is_home ? null : spans[(index - concurrency) % spans.length];
      const far = is_home ? all_far : far_node;
      const node = far ?? span?.host_node ?? host_node;
      const wanted = node === null ? 'host' : `node${node}`;
      if (tier !== wanted) throw new Error(`${vm.id}/${id} is of ${tier}, not of ${wanted}`);
    }
  }
}

/** Of an instance with two parts each has one holder, the same, and no third is anybody's. */
function checkParts({ id, regions, instances }: VmState): void {
  const far = regions.filter(({ of_far }) => of_far);
  const near = regions.filter(({ far_index }) => far_index !== undefined);
  if (far.length !== near.length) throw new Error(`${id}: ${far.length} far, ${near.length} near`);
  for (const { far_index, holder, id: region_id } of near) {
    const other = regions[far_index ?? -1];
    if (!other?.of_far) throw new Error(`${id}/${region_id} has no far part`);
    if (other.holder !== holder) throw new Error(`${id}/${region_id}: ${holder}, ${other.holder}`);
    const instance = instances.find((one) => one.id === holder);
    if (instance && !instance.parts) throw new Error(`${instance.id} has no parts`);
  }
}

/** Whatever its VMM was asked for and its guest does, each part has what it keeps. */
function checkServes(
  { id, regions, instances }: VmState,
  leastOf: (vm_id: string, region_id: string) => number,
): void {
  for (const instance of instances) {
    if (!instance.parts || (instance.phase !== 'idle' && instance.phase !== 'busy')) continue;
    const { near_bytes, far_bytes } = instance.parts;
    const near = regions[instance.region_index];
    const far = regions[near?.far_index ?? -1];
    const [here, there] = [near, far].map((one) => (one ? leastOf(id, one.id) : 0));
    if ((here ?? 0) < near_bytes || (there ?? 0) < far_bytes) {
      throw new Error(
        `${instance.id} keeps ${near_bytes} and ${far_bytes} of ${here} and ${there}`,
      );
    }
  }
}

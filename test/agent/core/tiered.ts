/** What must hold of budgets of host nodes, reckoned apart from the core. */
import type { HostState } from '../../../agent/model/state.ts';
import { bytesOf, type TierBytes, tiersIn } from '../../../agent/model/tiers.ts';

/**
 * No tier has given more than its budget, each as its rows say; and regions are of the tier that
 * the definition of their VM names.
 */
export function checkTiers(
  { capacity, granted, functions, vms }: HostState,
  counted: TierBytes,
): void {
  for (const tier of tiersIn({ ...capacity, ...granted, ...counted })) {
    const given = bytesOf(granted, tier);
    if (given > bytesOf(capacity, tier)) throw new Error(`${tier}: book above its limit`);
    const rows = bytesOf(counted, tier);
    if (rows !== given) throw new Error(`${tier}: the book says ${given}, its rows ${rows}`);
  }
  for (const vm of vms.values()) {
    const spec = vm.outdated?.spec ?? functions.get(vm.function)?.spec;
    const { host_node = null, concurrency = 0, spans = [] } = spec ?? {};
    for (const { id, index, tier } of vm.regions) {
      // Behind those of the instances come the spans of each of them.
      const span = index < concurrency ? null : spans[(index - concurrency) % spans.length];
      const node = span?.host_node ?? host_node;
      const wanted = node === null ? 'host' : `node${node}`;
      if (tier !== wanted) throw new Error(`${vm.id}/${id} is of ${tier}, not of ${wanted}`);
    }
  }
}

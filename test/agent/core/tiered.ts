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
    const node = spec?.host_node ?? null;
    const wanted = node === null ? 'host' : `node${node}`;
    const other = vm.regions.find(({ tier }) => tier !== wanted);
    if (other) throw new Error(`${vm.id}/${other.id} is of ${other.tier}, not of ${wanted}`);
  }
}

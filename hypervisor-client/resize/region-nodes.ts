/** Regions and the nodes of the host: where their memory is to come from, and where it lies. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type HostNodeReader, readHostNodes, requireHostNode } from '../host/host-nodes.ts';
import { parseNumaMaps, type RangeNodes } from '../host/numa-maps.ts';
import type { AddressRange } from '../host/smaps.ts';
import { isShared } from '../spec.ts';
import type { Region, VmSpec } from '../vm.ts';

/**
 * Throws HP_VMM_NO_HOST_NODE when memory of a VM is to come from a node that the host does not
 * have. `host_node`: that of its ordinary memory; null: any.
 */
export function checkHostNodes(
  spec: VmSpec,
  host_node: number | null,
  read: HostNodeReader = readHostNodes,
): void {
  const asked = new Set(spec.devices.map((device) => device.host_node ?? null).concat(host_node));
  asked.delete(null);
  if (asked.size === 0) return;
  const nodes = read();
  for (const node of asked) if (node !== null) requireHostNode(`VM ${spec.id}`, node, nodes);
}

/** Where a VM's devices are, and in which process. */
export interface PlacedVm {
  readonly spec: VmSpec;
  readonly pid: number;
  readonly proc_root: string;
  /** Host addresses of the devices, in the order of the specification. */
  readonly backings: readonly AddressRange[];
}

/** Whether a look is worth it on which nodes a VM lies: there are several, or one was asked for. */
export function asksForNodes(
  spec: VmSpec,
  host_node: number | null,
  read: HostNodeReader = readHostNodes,
): boolean {
  const bound = host_node !== null || spec.devices.some((device) => device.host_node != null);
  return bound || read().length > 1;
}

/**
 * The regions with the nodes that they lie on; of one that shares a mapping, with another region of
 * its device or whatever else, it is known where the whole mapping lies on one node. Nothing is
 * told where the files cannot be read, as under a kernel without NUMA.
 */
export function withNodes(vm: PlacedVm, regions: readonly Region[]): readonly Region[] {
  const read = (name: string): string =>
    readFileSync(join(vm.proc_root, String(vm.pid), name), 'latin1');
  let found: RangeNodes[];
  try {
    found = parseNumaMaps(read('numa_maps'), read('maps'), vm.backings);
  } catch {
    return regions;
  }
  const places = new Map(vm.spec.devices.map((device, index) => [device.id, index]));
  return regions.map((region) => {
    const index = places.get(region.device_id) ?? -1;
    const device = vm.spec.devices[index];
    const told = found[index];
    if (!device || !told) return region;
    if (told.is_exact && !isShared(device)) return { ...region, node_bytes: told.nodes };
    const [first, second] = told.nodes;
    const { resident_bytes } = region;
    if (resident_bytes === 0) return { ...region, node_bytes: [] };
    if (!first || second) return region;
    return { ...region, node_bytes: [{ node: first.node, bytes: resident_bytes }] };
  });
}

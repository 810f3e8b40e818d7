/** The rows of the state as the live stream tells them. Pure. */
import { grantedBytes } from '../../core/permits.ts';
import { elasticMemory } from '../explain.ts';
import { cordonOf } from '../host-status.ts';
import { spansStatus } from '../spans-status.ts';
import type {
  LiveFunction,
  LiveHost,
  LiveOperation,
  LiveRegion,
  LiveVm,
} from '../../model/live.ts';
import { holderParts } from '../../model/named-span.ts';
import type { OperationState } from '../../model/operations.ts';
import type {
  FunctionState,
  HostState,
  InstancePhase,
  RegionState,
  VmState,
} from '../../model/state.ts';
import { totalBytes } from '../../model/tiers.ts';

export function hostRow(state: HostState): LiveHost {
  const limit_bytes = totalBytes(state.capacity);
  const granted_bytes = grantedBytes(state);
  const earlier_bytes = state.earlier_vms.reduce((sum, { bytes }) => sum + bytes, 0);
  const free_bytes = Math.max(0, limit_bytes - granted_bytes);
  return { limit_bytes, granted_bytes, free_bytes, earlier_bytes, cordon: cordonOf(state) };
}

/** Whether the row of a function has sums over its VMs, and changes where one of them does. */
export const tellsOfVms = ({ elastic, spec, named_spans = null }: FunctionState): boolean =>
  elastic !== null || spec.spans.length > 0 || named_spans !== null;

/** `vms`: its own. */
export function functionRow(
  fn: FunctionState,
  vms: readonly VmState[],
  now_ms: number,
): LiveFunction {
  const { spec, phase, queue, last_failure } = fn;
  return {
    name: spec.name,
    phase,
    mechanism: spec.mechanism,
    limit_bytes: spec.limit_bytes,
    queued: queue.length,
    oldest_received_at_ms: queue.first?.received_at_ms ?? null,
    last_failure: last_failure && {
      code: last_failure.failure.code,
      message: last_failure.failure.message,
    },
    memory: elasticMemory(fn, vms, now_ms),
    spans: spansStatus(fn, vms, now_ms),
  };
}

/** `before`: what was told of it last; then only the regions that differ from it are told. */
export function vmRow(vm: VmState, before?: VmState): LiveVm {
  const phases = phasesOf(vm);
  const told = before ? phasesOf(before) : null;
  const regions: LiveRegion[] = [];
  for (const [index, region] of vm.regions.entries()) {
    const earlier = before?.regions[index];
    const of = holderParts(region.holder);
    const same_phase = told?.get(of.instance_id) === phases.get(of.instance_id);
    if (earlier && same_phase && isSame(region, earlier)) continue;
    regions.push({
      ...regionRow(region),
      ...of,
      instance_phase: phases.get(of.instance_id) ?? null,
    });
  }
  const is_silent = vm.phase === 'running' && vm.unresponsive_since_ms !== null;
  return {
    id: vm.id,
    function: vm.function,
    phase: is_silent ? 'unresponsive' : vm.phase,
    boot_bytes: totalBytes(vm.boot_permit),
    overhead_bytes: totalBytes(vm.overhead_permit),
    region_count: vm.regions.length,
    regions,
  };
}

export function operationRow(operation: OperationState): LiveOperation {
  const { id, vm_id, region_id, cause, from_bytes, to_bytes, decided_at_ms } = operation;
  return { id, vm_id, region_id, cause, from_bytes, to_bytes, decided_at_ms };
}

function phasesOf({ instances }: VmState): ReadonlyMap<string | null, InstancePhase> {
  return new Map(instances.map(({ id, phase }) => [id, phase]));
}

function isSame(one: RegionState, other: RegionState): boolean {
  return (
    one.target_bytes === other.target_bytes &&
    one.plugged_bytes === other.plugged_bytes &&
    one.permit_bytes === other.permit_bytes &&
    one.used_bytes === other.used_bytes &&
    one.holder === other.holder &&
    one.operation_id === other.operation_id &&
    one.ready === other.ready &&
    one.unplug_attempts === other.unplug_attempts
  );
}

/** Of a region by itself, whoever holds it. */
function regionRow(
  region: RegionState,
): Omit<LiveRegion, 'instance_id' | 'span' | 'instance_phase'> {
  const { index, id, target_bytes, plugged_bytes, permit_bytes, used_bytes } = region;
  const { operation_id, ready, unplug_attempts } = region;
  const sizes = { target_bytes, plugged_bytes, permit_bytes, used_bytes };
  return { index, id, ...sizes, operation_id, ready, unplug_attempts };
}

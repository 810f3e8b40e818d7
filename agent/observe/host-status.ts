/**
 * What Status tells of a host: its functions, or one of them, and its memory by the book. All VMs
 * are asked side by side; asking them, and putting together what they told, is done in pieces.
 */
import type { Clock } from '../../base/clock.ts';
import { Pieces } from '../../base/pieces.ts';
import { grantedBytes, regionPermitBytes } from '../core/permits.ts';
import { AGENT_LIMITS } from '../limits.ts';
import { availabilityOf } from '../model/cordon.ts';
import { errorOf } from '../model/failure.ts';
import type { Cordon, Host } from '../model/host-messages.ts';
import type { FunctionStatus, HostMemoryStatus, StatusResponse } from '../model/messages.ts';
import { hostCanGiveBytes } from '../model/pressure.ts';
import { REFUSALS } from '../model/refusals.ts';
import type { FunctionState, HostState } from '../model/state.ts';
import { totalBytes } from '../model/tiers.ts';
import { queueStatus } from './queue-status.ts';
import { type Asked, askVm, functionStatus, type StatusSource } from './status.ts';

export type HostStatus = Omit<StatusResponse, 'version' | 'state_json' | 'pid' | 'ledger'>;

/** Of all functions when `name` is empty. Throws HP_AGENT_NO_FUNCTION. */
export async function hostStatus(
  state: HostState,
  name: string,
  sourceOf: (vm_id: string) => StatusSource | undefined,
  clock: Clock,
): Promise<HostStatus> {
  const all = [...state.functions.values()];
  const chosen = name === '' ? all : all.filter((fn) => fn.spec.name === name);
  if (name !== '' && chosen.length === 0) throw errorOf(REFUSALS.noFunction(name));
  const pieces = new Pieces(AGENT_LIMITS.status_regions_at_once);
  const asked: { fn: FunctionState; vms: Asked[] }[] = [];
  for (const fn of chosen) {
    const vms: Asked[] = [];
    for (const id of fn.vm_ids) {
      const vm = state.vms.get(id);
      if (!vm) continue;
      vms.push(askVm({ vm, source: sourceOf(id) }, clock));
      await pieces.did(vm.regions.length);
    }
    asked.push({ fn, vms });
  }
  const functions: FunctionStatus[] = [];
  for (const { fn, vms } of asked) {
    const status = functionStatus(fn, await Promise.all(vms));
    functions.push(status);
    await pieces.did(status.regions.length);
  }
  const host_limit_bytes = totalBytes(state.capacity);
  const granted_bytes = grantedBytes(state);
  let permits_bytes = 0;
  for (const vm of state.vms.values()) permits_bytes += regionPermitBytes(vm);
  return {
    functions,
    host_limit_bytes,
    granted_bytes,
    free_bytes: Math.max(0, host_limit_bytes - granted_bytes),
    permits_bytes,
    host_memory: hostMemory(state),
    cordon: cordonOf(state),
    queue: queueStatus(state),
  };
}

/** What is told of a cordon; null: there is none. */
export function cordonOf(state: HostState): Cordon | null {
  if (!state.cordon) return null;
  const { author, reason, since } = state.cordon;
  return { availability: availabilityOf(state), author, reason, since };
}

/** The host as a whole, by the book. */
export function hostWhole(state: HostState): Omit<Host, 'version' | 'pid'> {
  const instances = { starting: 0, busy: 0, idle: 0, stopping: 0 };
  let vms = state.earlier_vms.length;
  for (const vm of state.vms.values()) {
    if (vm.phase !== 'lost') vms += 1;
    for (const { phase } of vm.instances) instances[phase] += 1;
  }
  let invocations_queued = 0;
  for (const { queue } of state.functions.values()) invocations_queued += queue.length;
  const limit_bytes = totalBytes(state.capacity);
  const granted_bytes = grantedBytes(state);
  return {
    availability: availabilityOf(state),
    cordon: cordonOf(state),
    limit_bytes,
    granted_bytes,
    free_bytes: Math.max(0, limit_bytes - granted_bytes),
    functions: state.functions.size,
    vms,
    instances_starting: instances.starting,
    instances_busy: instances.busy,
    instances_idle: instances.idle,
    instances_stopping: instances.stopping,
    invocations_queued,
  };
}

function hostMemory({ told, pressure, config }: HostState): HostMemoryStatus | null {
  const { host_keep_bytes: keep_bytes } = config;
  if (!told || keep_bytes === null) return null;
  const { available_bytes, some_percent, full_percent } = told;
  const { level, since_ms } = pressure;
  const can_give_bytes = hostCanGiveBytes(told, keep_bytes);
  const word = { available_bytes, some_percent, full_percent };
  return { ...word, keep_bytes, can_give_bytes, pressure: level, since_ms };
}

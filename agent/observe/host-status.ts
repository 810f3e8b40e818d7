/** What Status tells of a host: its functions, or one of them, and its memory by the book. */
import type { Clock } from '../../base/clock.ts';
import { grantedBytes, regionPermitBytes } from '../core/permits.ts';
import { errorOf } from '../model/failure.ts';
import type { HostMemoryStatus, StatusResponse } from '../model/messages.ts';
import { hostCanGiveBytes } from '../model/pressure.ts';
import { REFUSALS } from '../model/refusals.ts';
import type { HostState } from '../model/state.ts';
import { totalBytes } from '../model/tiers.ts';
import { functionStatus, type StatusSource } from './status.ts';

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
  const functions = chosen.map((fn) => {
    const vms = fn.vm_ids.flatMap((id) => {
      const vm = state.vms.get(id);
      return vm ? [{ vm, source: sourceOf(id) }] : [];
    });
    return functionStatus(fn, vms, clock);
  });
  const host_limit_bytes = totalBytes(state.capacity);
  const granted_bytes = grantedBytes(state);
  let permits_bytes = 0;
  for (const vm of state.vms.values()) permits_bytes += regionPermitBytes(vm);
  return {
    functions: await Promise.all(functions),
    host_limit_bytes,
    granted_bytes,
    free_bytes: Math.max(0, host_limit_bytes - granted_bytes),
    permits_bytes,
    host_memory: hostMemory(state),
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

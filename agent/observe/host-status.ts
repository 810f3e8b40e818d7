/**
 * What Status tells of a host: its functions, or one of them, and its memory by the book, all of
 * one moment of the state. It is told in parts, none of which is large: the whole of 256 functions
 * with 192 regions each and the state is 15 MB, and to copy that alone takes longer than others can
 * wait.
 */
import type { Clock } from '../../base/clock.ts';
import type { Pieces } from '../../base/pieces.ts';
import { grantedBytes, regionPermitBytes } from '../core/permits.ts';
import { availabilityOf } from '../model/cordon.ts';
import { errorOf } from '../model/failure.ts';
import type { Cordon, Host, HostTier } from '../model/host-messages.ts';
import type { HostMemoryStatus, StatusResponse } from '../model/messages.ts';
import { hostCanGiveBytes } from '../model/pressure.ts';
import { NO_STATUS } from '../model/status-parts.ts';
import { REFUSALS } from '../model/refusals.ts';
import type { FunctionState, HostState } from '../model/state.ts';
import { bytesOf, nodeLimits, nodeOfTier, type Tier, tierOf, totalBytes } from '../model/tiers.ts';
import { Asking } from './asking.ts';
import { queueStatus } from './queue-status.ts';
import { statePieces } from './state-text.ts';
import { functionStatus, type StatusSource, type VmToShow } from './status.ts';

/** What is asked, and of whom. */
export interface StatusAsked {
  readonly state: HostState;
  /** Empty: all functions. */
  readonly name: string;
  readonly with_state: boolean;
  readonly sourceOf: (vm_id: string) => StatusSource | undefined;
  readonly agent: Pick<StatusResponse, 'version' | 'pid' | 'ledger' | 'dags'>;
  /** Those of all who ask at once. */
  readonly pieces: Pieces;
}

/**
 * Function by function, each as soon as its VMs have told; then pieces of the state; the host last.
 * Throws HP_AGENT_NO_FUNCTION.
 */
export async function* statusParts(
  { state, name, with_state, sourceOf, agent, pieces }: StatusAsked,
  clock: Clock,
): AsyncGenerator<StatusResponse> {
  const all = [...state.functions.values()];
  const chosen = name === '' ? all : all.filter((fn) => fn.spec.name === name);
  if (name !== '' && chosen.length === 0) throw errorOf(REFUSALS.noFunction(name));
  const of_each = chosen.map((fn) => vmsOf(state, fn, sourceOf));
  const asking = new Asking(of_each.flat(), clock, pieces);
  try {
    for (const [index, fn] of chosen.entries()) {
      const told = await asking.take(of_each[index]?.length ?? 0);
      await pieces.gap();
      const about = { config: state.config, now_ms: clock.nowMs() };
      yield { ...NO_STATUS, functions: [functionStatus(fn, told, about)] };
    }
    for (const state_json of with_state ? statePieces(state) : []) {
      yield { ...NO_STATUS, state_json };
      await pieces.gap();
    }
  } finally {
    asking.stop();
  }
  yield { ...NO_STATUS, ...hostStatus(state), ...agent };
}

function vmsOf(
  state: HostState,
  fn: FunctionState,
  sourceOf: StatusAsked['sourceOf'],
): readonly VmToShow[] {
  return fn.vm_ids.flatMap((id) => {
    const vm = state.vms.get(id);
    return vm ? [{ vm, source: sourceOf(id) }] : [];
  });
}

function hostStatus(state: HostState): Partial<StatusResponse> {
  const host_limit_bytes = totalBytes(state.capacity);
  const granted_bytes = grantedBytes(state);
  let permits_bytes = 0;
  for (const vm of state.vms.values()) permits_bytes += regionPermitBytes(vm);
  return {
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
    tiers: hostTiers(state),
  };
}

/** What each budget has and has given, that of no node first. */
function hostTiers({ capacity, granted }: HostState): HostTier[] {
  const about = (tier: Tier): HostTier => {
    const limit_bytes = bytesOf(capacity, tier);
    const granted_bytes = bytesOf(granted, tier);
    const free_bytes = Math.max(0, limit_bytes - granted_bytes);
    return { host_node: nodeOfTier(tier), limit_bytes, granted_bytes, free_bytes };
  };
  return [about('host'), ...nodeLimits(capacity).map(({ node }) => about(tierOf(node)))];
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

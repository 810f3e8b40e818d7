/**
 * What an earlier agent left in a state folder: its rows as a state, and which of its VMs live. A
 * VM is known by its handle, its process and its place in the rows; any other is a leftover.
 */
import { join } from 'node:path';
import type { Logger } from 'pino';
import { hostClock } from '../../base/clock.ts';
import { messageOf } from '../../base/errors.ts';
import { isVmmIn } from '../../hypervisor-client/host/host-process.ts';
import { endVmm } from '../../hypervisor-client/lifecycle/end-vmm.ts';
import { readHandle } from '../../hypervisor-client/lifecycle/run-dir.ts';
import type { Hypervisor, Vm, VmHandle } from '../../hypervisor-client/vm.ts';
import { checkHost } from '../core/invariants.ts';
import { countGranted } from '../core/permits.ts';
import { AGENT_LIMITS } from '../limits.ts';
import type { HostFacts, HostState } from '../model/state.ts';
import { endYield } from '../pressure/cpu-yield.ts';
import { hostOf } from '../store/rows.ts';
import { corrupt } from '../store/state-errors.ts';
import type { StateStore } from '../store/state-file.ts';

export interface LivingVm {
  readonly takeUp: () => Promise<Vm>;
  /** By force. Throws HP_VMM_WONT_END. */
  readonly end: () => Promise<void>;
}

/** VMs of an earlier agent that live, by their ids, and how each is taken up. */
export type LivingVms = ReadonlyMap<string, LivingVm>;

export interface StateOptions {
  readonly path: string;
  readonly host_limit_bytes: number;
  readonly facts: HostFacts;
  /** No new id is below it; see emptyHost. */
  readonly first_id: number;
}

/** The state in the store; null: it has none. Throws HP_AGENT_STATE_CORRUPT. */
export function earlierState(store: StateStore, options: StateOptions): HostState | null {
  const { path, host_limit_bytes, facts, first_id } = options;
  try {
    const read = hostOf(store.rows, host_limit_bytes, facts);
    const next_id = Math.max(read.next_id, first_id);
    const has_dags = Object.keys(read.dags).length > 0;
    if (read.functions.size === 0 && read.cordon === null && !has_dags) return null;
    const state = { ...read, next_id, granted: countGranted(read) };
    checkHost(state);
    return state;
  } catch (error) {
    throw corrupt(path, messageOf(error).replace(/\.$/, ''), error);
  }
}

/** Those of the VMs in the rows whose handle names a living process. */
export async function livingVms(
  store: StateStore,
  { vms_dir, drivers, log }: { vms_dir: string; drivers: readonly Hypervisor[]; log: Logger },
): Promise<LivingVms> {
  const found = await Promise.all(
    [...store.rows.vms.keys()].map(async (id): Promise<[string, LivingVm][]> => {
      const handle = await readHandle(join(vms_dir, id)).catch(() => null);
      const driver = drivers.find(({ kind }) => kind === handle?.vmm);
      if (!handle || !driver || !(await lives(handle, driver))) {
        log.warn({ vm: id }, 'a VM of the earlier agent is not there any more');
        return [];
      }
      // Nobody would be there to end it.
      endYield(handle);
      const identity = { pid: handle.pid, start_ticks: handle.pid_start_ticks };
      const end = (): Promise<void> => endVmm(identity, hostClock, AGENT_LIMITS.leftover_signal_ms);
      return [[id, { takeUp: () => driver.adopt(handle), end }]];
    }),
  );
  return new Map(found.flat());
}

/** Known by program, user, folder and start time: never another process with its pid. */
async function lives(handle: VmHandle, driver: Hypervisor): Promise<boolean> {
  return await isVmmIn(handle, handle.spec.run_dir, driver);
}

/** The whole decision state as JSON, for `hotplane status --json` and bug reports. */
import type { CoreConfig } from '../model/config.ts';
import type { OperationState } from '../model/operations.ts';
import type { FunctionState, HostState, VmState } from '../model/state.ts';
import { totalBytes } from '../model/tiers.ts';
import { grantedBytes, regionPermitBytes } from './permits.ts';

/** 2: VMs and operations stand beside the functions; in 1, a function was its VM. */
export const DUMP_SCHEMA_VERSION = 2;

export interface HostDump {
  readonly schema_version: typeof DUMP_SCHEMA_VERSION;
  readonly limit_bytes: number;
  readonly granted_bytes: number;
  readonly functions: readonly FunctionState[];
  readonly vms: readonly ReturnType<typeof dumpVm>[];
  readonly operations: readonly OperationState[];
  readonly earlier_vms: HostState['earlier_vms'];
  readonly policy_state: HostState['policy_state'];
  readonly told: HostState['told'];
  readonly pressure: HostState['pressure'];
  readonly cordon: HostState['cordon'];
  readonly config: CoreConfig;
}

/** One row of it, for who writes it row by row. */
export const dumpVm = (vm: VmState): VmState & { readonly permits_bytes: number } => ({
  ...vm,
  permits_bytes: regionPermitBytes(vm),
});

export function dumpHost(state: HostState): HostDump {
  return {
    schema_version: DUMP_SCHEMA_VERSION,
    limit_bytes: totalBytes(state.capacity),
    granted_bytes: grantedBytes(state),
    functions: [...state.functions.values()],
    vms: [...state.vms.values()].map(dumpVm),
    operations: [...state.operations.values()],
    earlier_vms: state.earlier_vms,
    policy_state: state.policy_state,
    told: state.told,
    pressure: state.pressure,
    cordon: state.cordon,
    config: state.config,
  };
}

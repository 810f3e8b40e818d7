/** The whole decision state as JSON, for `hotplane status --json` and bug reports. */
import { grantedBytes, regionPermitBytes } from './permits.ts';
import type { HostState } from '../model/state.ts';

export const DUMP_SCHEMA_VERSION = 1;

export interface HostDump {
  readonly schema_version: typeof DUMP_SCHEMA_VERSION;
  readonly limit_bytes: number;
  readonly granted_bytes: number;
  readonly functions: readonly Readonly<Record<string, unknown>>[];
  readonly earlier_vms: HostState['earlier_vms'];
}

export function dumpHost(state: HostState): HostDump {
  return {
    schema_version: DUMP_SCHEMA_VERSION,
    limit_bytes: state.limit_bytes,
    granted_bytes: grantedBytes(state),
    earlier_vms: state.earlier_vms,
    functions: [...state.functions.values()].map((fn) => ({
      ...fn,
      permits_bytes: regionPermitBytes(fn),
    })),
  };
}

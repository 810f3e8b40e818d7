/** What a deployed function is. Plain data; checked at the API edge before it comes here. */
import { MEMORY_BLOCK_BYTES, MIB, roundUp } from '../../base/units.ts';
import { type MechanismName, MECHANISMS } from './mechanism.ts';

/** No guest boots with less. */
export const BOOT_BYTES_MIN = 64 * MIB;

export const BACKINGS = ['anonymous', 'memfd'] as const;
export type Backing = (typeof BACKINGS)[number];

export interface FunctionSpec {
  /** `[a-z0-9][a-z0-9-]{0,62}` */
  readonly name: string;
  readonly mechanism: MechanismName;
  /** Memory of one instance. Its region is this, rounded up to the Linux memory block. */
  readonly limit_bytes: number;
  /** N: most instances in the function VM, one region each. */
  readonly concurrency: number;
  readonly vcpus: number;
  /** Ordinary memory of the VM. */
  readonly boot_bytes: number;
  /** An instance idle for this long is stopped and its region unplugged. */
  readonly keep_alive_ms: number;
  /** Empty: the workload program of the image. */
  readonly argv: readonly string[];
  readonly backing: Backing;
  readonly init_on_alloc: boolean;
  readonly guest_huge_pages: boolean;
  /** Most VMs of the function at a time; absent: one. */
  readonly max_vms?: number;
}

/** Most VMs of the function at a time. */
export function maxVms(spec: FunctionSpec): number {
  return spec.max_vms ?? 1;
}

/** Bytes of one region of the function: what one permit is for. */
export function regionBytes(spec: FunctionSpec): number {
  return roundUp(spec.limit_bytes, MEMORY_BLOCK_BYTES);
}

/** Whether regions follow instances (true), or are plugged once for ever. */
export function plugsOnDemand(spec: FunctionSpec): boolean {
  return MECHANISMS.get(spec.mechanism).plugs_on_demand;
}

export function sameSpec(a: FunctionSpec, b: FunctionSpec): boolean {
  return specDifferences(a, b).length === 0;
}

/** Names of the fields in which two specs differ, for the conflict message. */
export function specDifferences(a: FunctionSpec, b: FunctionSpec): string[] {
  const other = new Map<string, unknown>(Object.entries(b));
  return Object.entries(a)
    .filter(([key, value]) => JSON.stringify(value) !== JSON.stringify(other.get(key)))
    .map(([key]) => key);
}

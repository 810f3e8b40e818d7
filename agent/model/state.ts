/**
 * Everything the agent knows of its host, as plain data. `step` never changes a state it was given:
 * it edits copies (draft.ts), so a state may be kept, compared and printed.
 */
import type { WorkloadRequest } from '../../guest/protocol/protocol.ts';
import type { StartStamps } from './events.ts';
import type { Refusal } from './refusals.ts';
import type { FunctionSpec } from './spec.ts';

/**
 * `booting`: launched, no hello yet. `filling`: `static` only, regions being plugged. `running`.
 * `draining`: Remove asked, instances are being stopped. `ending`: the VM is being shut down.
 * `lost`: the VM is gone against our will; Deploy with the same spec starts a new one.
 */
export type FunctionPhase = 'booting' | 'filling' | 'running' | 'draining' | 'ending' | 'lost';

/** `starting`: plug or guest start not finished. `stopping`: also doomed starts. */
export type InstancePhase = 'starting' | 'busy' | 'idle' | 'stopping';

export interface QueuedInvocation {
  /** Ours, unique in the agent's life; the caller's `invocation_id` need not be. */
  readonly request_id: string;
  readonly invocation_id: string;
  readonly work: WorkloadRequest;
  readonly received_at_ms: number;
}

export interface RegionState {
  readonly index: number;
  readonly id: string;
  /** Host memory granted for this region: never below what may be plugged in it. */
  permit_bytes: number;
  /** The VMM's word at the end of the last resize. */
  plugged_bytes: number;
  /** The resize in flight, if any. */
  operation_id: string | null;
  instance_id: string | null;
  /** Unplugs that left bytes behind since the region was last empty. */
  unplug_attempts: number;
  /** When the next try is due; null: nothing left, or given up until reuse, Drain or Remove. */
  retry_at_ms: number | null;
}

export interface InstanceState {
  readonly id: string;
  readonly region_index: number;
  phase: InstancePhase;
  /** The resize of its region was sent and has no result yet. */
  plug_pending: boolean;
  /** The guest was asked to start it and has not answered. */
  start_pending: boolean;
  /** The guest was asked to stop it and has not answered. */
  stop_pending: boolean;
  stop_attempts: number;
  stop_retry_at_ms: number | null;
  /** When the (last) stop was sent and the process tree gone; for the unplug's record. */
  stop_at_ms: number | null;
  gone_at_ms: number | null;
  /** The plug of this start; null for `static`. */
  readonly operation_id: string | null;
  /** The queued invocation this start was made for. Another one may be served first. */
  readonly cause_request_id: string;
  plugged_at_ms: number | null;
  /** The guest's answer to its start. */
  start_stamps: StartStamps | null;
  /** Both plug and guest start done (t4). */
  ready_at_ms: number | null;
  idle_since_ms: number;
  invocations: number;
  invocation: QueuedInvocation | null;
  assigned_at_ms: number;
}

/** A Drain waiting until these regions hold nothing more, or nobody tries any longer. */
export interface DrainState {
  readonly request_id: string;
  readonly instances_stopped: number;
  regions: number[];
}

/** What a VM said of itself when it became ready. */
export interface VmFacts {
  readonly guest_kernel: string;
  readonly vmm: string;
  readonly accelerator: string;
  /** Its program file; empty when the host does not tell it. */
  readonly vmm_path: string;
  readonly vmm_pid: number;
  readonly vmm_command: readonly string[];
  /** Of the image it booted, '' where that is not known. */
  readonly kernel_variant: string;
  readonly kernel_key: string;
  readonly series_revision: string;
  readonly rootfs_key: string;
}

export interface LastFailure {
  readonly failure: Refusal;
  readonly vm_id: string;
  readonly at_ms: number;
}

export interface FunctionState {
  readonly spec: FunctionSpec;
  vm_id: string;
  phase: FunctionPhase;
  requested_at_ms: number;
  launched_at_ms: number;
  ready_at_ms: number | null;
  facts: VmFacts | null;
  /** Granted for the VM's ordinary memory; 0 when there is no VM. */
  boot_permit_bytes: number;
  /** Granted for its VMM process, which takes memory of its own; 0 when there is no VM. */
  overhead_permit_bytes: number;
  regions: RegionState[];
  instances: InstanceState[];
  /** Starts since the VM was launched. */
  instances_started: number;
  queue: QueuedInvocation[];
  deploy_waiters: string[];
  remove_waiters: string[];
  drains: DrainState[];
  /** After `ending`: forget the function, or keep it as `lost`. */
  forget: boolean;
  /** Why the VM is ending or lost, when nobody asked for it. */
  failure: Refusal | null;
  /** The last thing that went wrong unasked, with its VM; kept when a new VM takes over. */
  last_failure: LastFailure | null;
  /** Since when its guest does not answer; null while it does. */
  unresponsive_since_ms: number | null;
  /** `draining`: when the VM is shut down whatever still runs in it. */
  remove_by_ms: number | null;
  /** Earliest moment at which time alone changes something here. */
  wake_at_ms: number | null;
}

export interface HostState {
  readonly limit_bytes: number;
  /** Source of every id; no randomness in the core. */
  readonly next_id: number;
  readonly functions: ReadonlyMap<string, FunctionState>;
  /** VMs of an earlier agent that could not be ended: they hold memory and stay in the book. */
  readonly earlier_vms: readonly EarlierVm[];
  /** What every VM costs the host besides its guest's memory: the VMM process. */
  readonly vmm_overhead_bytes: number;
  /** CPUs a VMM may run on; null: not known, nothing is refused for it. */
  readonly host_cpus: number | null;
}

/** What is known of a host besides its limit. */
export type HostFacts = Partial<
  Pick<HostState, 'earlier_vms' | 'vmm_overhead_bytes' | 'host_cpus'>
>;

export interface EarlierVm {
  readonly id: string;
  readonly pid: number;
  /** What it may hold of the host's memory. */
  readonly bytes: number;
}

/** `next_id` above 1 keeps the names of earlier VMs, whose consoles may still be there, free. */
export function emptyHost(
  limit_bytes: number,
  next_id = 1,
  { earlier_vms = [], vmm_overhead_bytes = 0, host_cpus = null }: HostFacts = {},
): HostState {
  const functions = new Map<string, FunctionState>();
  return { limit_bytes, next_id, functions, earlier_vms, vmm_overhead_bytes, host_cpus };
}

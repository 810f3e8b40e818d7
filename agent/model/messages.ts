/**
 * The messages of agent.proto as TypeScript sees them: the same names, 64-bit numbers as checked
 * numbers below 2^53, and null where an optional field is absent: not known. Meaning and units are
 * documented in the proto; a test keeps the two in step.
 */
import type { FunctionSpec } from './spec.ts';

export interface DeployResponse {
  vm_id: string;
  requested_at_ms: number;
  launched_at_ms: number;
  ready_at_ms: number;
  guest_kernel: string;
  vmm: string;
  accelerator: string;
  vmm_path: string | null;
  vmm_pid: number;
  vmm_command: readonly string[];
  kernel_variant: string | null;
  kernel_key: string | null;
  series_revision: string | null;
  rootfs_key: string | null;
}

export interface Work {
  anonymous_bytes: number;
  file_bytes: number;
  cpu_ms: number;
  wall_ms: number;
}

export interface InvokeRequest {
  function: string;
  invocation_id: string;
  work: Work;
}

export interface InvokeResponse {
  invocation_id: string;
  instance_id: string | null;
  cold: boolean;
  outcome: string;
  error_code: string;
  reason: string;
  received_at_ms: number;
  assigned_at_ms: number | null;
  instance_ready_at_ms: number | null;
  first_byte_at_ms: number | null;
  finished_at_ms: number | null;
  guest_wall_ms: number | null;
  guest_cpu_ms: number | null;
  anonymous_bytes: number | null;
  minor_faults: number | null;
  operation_id: string | null;
  created_at_ms: number | null;
  sandbox_at_ms: number | null;
  plugged_at_ms: number | null;
  attached_at_ms: number | null;
  guest_touch_cpu_ms: number | null;
}

export interface RegionStatus {
  id: string;
  pci_address: string;
  max_bytes: number;
  requested_bytes: number | null;
  plugged_bytes: number | null;
  guest_plugged_bytes: number | null;
  resident_bytes: number | null;
  instance_id: string;
  permit_bytes: number;
}

export interface FunctionStatus {
  function: FunctionSpec;
  vm_id: string;
  /** booting | filling | running | unresponsive | draining | ending | lost */
  vm_state: string;
  instances_starting: number;
  instances_busy: number;
  instances_idle: number;
  instances_stopping: number;
  invocations_queued: number;
  regions: RegionStatus[];
  vm_resident_bytes: number | null;
  pages_migrated: number | null;
  permits_bytes: number;
  guest_plugged_bytes: number | null;
  boot_bytes: number;
  instances_started: number;
  oom_kills: number | null;
  /** `vmm`, `guest`: asked and silent. */
  unanswered: string[];
  vmm_answered_at_ms: number | null;
  guest_answered_at_ms: number | null;
  /** Null or absent: nothing went wrong since the function was deployed. */
  last_failure?: Failure | null;
}

export interface Failure {
  code: string;
  category: string;
  message: string;
  next: string;
  vm_id: string;
  at_ms: number;
}

export interface StatusResponse {
  functions: FunctionStatus[];
  host_limit_bytes: number;
  granted_bytes: number;
  free_bytes: number;
  permits_bytes: number;
  version: string;
  /** Empty unless asked for. */
  state_json: string;
  pid: number;
}

export interface RemoveResponse {
  finished_at_ms: number;
}

export interface DrainResponse {
  finished_at_ms: number;
  instances_stopped: number;
}

/**
 * One plug or unplug. `pages_migrated` and `guest_cpu_ms` are differences of guest-wide counters
 * taken before and after: where operations of one VM overlap in time, each of them counts the work
 * of the others too. Sum them over a VM's life from Status, not from operations.
 */
export interface Operation {
  id: string;
  kind: string;
  function: string;
  vm_id: string;
  region_id: string;
  instance_id: string;
  mechanism: string;
  outcome: string;
  error_code: string;
  reason: string;
  before_bytes: number;
  requested_bytes: number;
  plugged_bytes: number;
  resident_before_bytes: number | null;
  resident_bytes: number | null;
  decided_at_ms: number;
  requested_at_ms: number | null;
  accepted_at_ms: number | null;
  plugged_at_ms: number | null;
  resident_at_ms: number | null;
  sandbox_at_ms: number | null;
  instance_ready_at_ms: number | null;
  stop_at_ms: number | null;
  gone_at_ms: number | null;
  nudges: number;
  pages_migrated: number | null;
  guest_cpu_ms: number | null;
  guest_ns: number | null;
  guest_plugged_bytes: number | null;
}

/** The memory of one VM from `at_ms` until its next step. The last step of a VM is all zeros. */
export interface MemoryStep {
  at_ms: number;
  function: string;
  vm_id: string;
  committed_bytes: number;
  plugged_bytes: number;
  used_bytes: number | null;
  resident_bytes: number;
  region_resident_bytes: number;
}

/** Exactly one of the two is there. */
export interface AgentRecord {
  operation?: Operation;
  memory?: MemoryStep;
}

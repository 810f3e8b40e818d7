/**
 * What a replay needs from an agent: the messages of agent/api/agent.proto as plain objects (field
 * names as in the contract, uint64 as checked numbers). The gRPC client has this shape; tests put a
 * fake in its place.
 */

/** How memory comes back; see ARCHITECTURE.md. */
export const MECHANISMS = ['static', 'virtio-mem', 'numa', 'hotmem', 'balloon'] as const;
export type Mechanism = (typeof MECHANISMS)[number];

export interface FunctionSpec {
  readonly name: string;
  readonly mechanism: string;
  readonly limit_bytes: number;
  readonly concurrency: number;
  readonly vcpus: number;
  readonly boot_bytes: number;
  readonly keep_alive_ms: number;
  readonly argv: readonly string[];
  readonly backing: string;
  readonly init_on_alloc: boolean;
  readonly guest_huge_pages: boolean;
}

export interface DeployReply {
  readonly vm_id: string;
  readonly requested_at_ms: number;
  readonly launched_at_ms: number;
  readonly ready_at_ms: number;
  readonly guest_kernel: string;
  readonly vmm: string;
  readonly accelerator: string;
}

export interface Work {
  readonly anonymous_bytes: number;
  readonly file_bytes: number;
  readonly cpu_ms: number;
  readonly wall_ms: number;
}

export interface InvokeReply {
  readonly invocation_id: string;
  readonly instance_id: string;
  readonly cold: boolean;
  readonly outcome: string;
  readonly error_code: string;
  readonly reason: string;
  readonly received_at_ms: number;
  readonly assigned_at_ms: number;
  readonly instance_ready_at_ms: number;
  readonly first_byte_at_ms: number;
  readonly finished_at_ms: number;
  readonly guest_wall_ms: number;
  readonly guest_cpu_ms: number;
  readonly anonymous_bytes: number;
  readonly minor_faults: number;
  readonly operation_id: string;
}

export interface RegionStatus {
  readonly id: string;
  readonly plugged_bytes: number;
  readonly guest_plugged_bytes: number;
  readonly resident_bytes: number;
}

export interface FunctionStatus {
  readonly function: { readonly name: string } | null;
  readonly vm_id: string;
  readonly vm_state: string;
  readonly instances_starting: number;
  readonly instances_busy: number;
  readonly instances_idle: number;
  readonly instances_stopping: number;
  readonly invocations_queued: number;
  readonly regions: readonly RegionStatus[];
  readonly vm_resident_bytes: number;
  readonly pages_migrated: number;
  readonly permits_bytes: number;
  readonly guest_plugged_bytes: number;
  readonly oom_kills: number;
}

export interface StatusReply {
  readonly functions: readonly FunctionStatus[];
  readonly host_limit_bytes: number;
  readonly permits_bytes: number;
  readonly version: string;
}

export interface OperationMessage {
  readonly id: string;
  readonly kind: string;
  readonly function: string;
  readonly vm_id: string;
  readonly region_id: string;
  readonly instance_id: string;
  readonly mechanism: string;
  readonly outcome: string;
  readonly error_code: string;
  readonly reason: string;
  readonly before_bytes: number;
  readonly requested_bytes: number;
  readonly plugged_bytes: number;
  readonly resident_before_bytes: number;
  readonly resident_bytes: number;
  readonly decided_at_ms: number;
  readonly requested_at_ms: number;
  readonly accepted_at_ms: number;
  readonly plugged_at_ms: number;
  readonly resident_at_ms: number;
  readonly sandbox_at_ms: number;
  readonly instance_ready_at_ms: number;
  readonly stop_at_ms: number;
  readonly gone_at_ms: number;
  readonly nudges: number;
  readonly pages_migrated: number;
  readonly guest_cpu_ms: number;
  readonly guest_ns: number;
  readonly guest_plugged_bytes: number;
}

export interface MemoryMessage {
  readonly at_ms: number;
  readonly function: string;
  readonly vm_id: string;
  readonly committed_bytes: number;
  readonly plugged_bytes: number;
  readonly used_bytes: number;
  readonly resident_bytes: number;
  readonly region_resident_bytes: number;
}

/** Exactly one of the two is there. */
export interface WatchRecord {
  readonly operation?: OperationMessage | null;
  readonly memory?: MemoryMessage | null;
}

export interface CallOptions {
  /** How long the call may take. */
  readonly deadline_ms?: number;
  readonly signal?: AbortSignal;
}

export interface AgentApi {
  deploy(request: { function: FunctionSpec }, options?: CallOptions): Promise<DeployReply>;
  invoke(
    request: { function: string; invocation_id: string; work: Work },
    options?: CallOptions,
  ): Promise<InvokeReply>;
  status(request: { function: string }, options?: CallOptions): Promise<StatusReply>;
  remove(request: { function: string }, options?: CallOptions): Promise<unknown>;
  /** Ends when the signal is aborted; throws when the agent is lost. */
  watch(request: { memory_interval_ms: number }, signal: AbortSignal): AsyncIterable<WatchRecord>;
  close(): void;
}

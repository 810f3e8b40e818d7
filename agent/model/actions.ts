/** What the core wants done. The executor performs each and reports back with an event. */
import type { InvocationResult, StartStamps } from './events.ts';
import type { OperationOrder } from './operations.ts';
import type { Decision } from './records.ts';
import type { Refusal } from './refusals.ts';
import type { FunctionSpec } from './spec.ts';
import type { SizedInstance, VmFacts } from './state.ts';
import type { Targets } from './targets.ts';
import type { Parts } from './tiers-spec.ts';

/** The stages of a cold start before it was ready. */
export interface ColdStart extends Omit<StartStamps, 'ready_at_ms'> {
  /** t2; null for `static`, whose regions are always plugged. */
  readonly plugged_at_ms: number | null;
  /** When it was decided on, and for how long memory lacked before; null: not known. */
  readonly decided_at_ms: number | null;
  readonly lacked_ms: number | null;
}

export interface InvokeReply {
  readonly kind: 'invoke';
  readonly invocation_id: string;
  /** Null: no instance was there for it. */
  readonly instance_id: string | null;
  /** The instance became ready only after the invocation had arrived, and this is its first. */
  readonly cold: boolean;
  readonly outcome: 'done' | 'refused' | 'failed';
  readonly failure: Refusal | null;
  readonly received_at_ms: number;
  /** Null: no instance ever took it. */
  readonly assigned_at_ms: number | null;
  /** Null unless cold. */
  readonly instance_ready_at_ms: number | null;
  /** The stages of its start; null unless cold. */
  readonly start: ColdStart | null;
  readonly result: InvocationResult | null;
  /** The plug it waited for; null when none. */
  readonly operation_id: string | null;
  /** What its function's expression said of it; null: that has none, or no instance took it. */
  readonly sized: SizedInstance | null;
}

/** How a function is deployed that is there with another spec; absent: it is a conflict. */
export interface DeployHow {
  readonly update?: boolean;
  readonly dry_run?: boolean;
}

export interface DeployReply {
  readonly kind: 'deploy';
  readonly vm_id: string;
  readonly requested_at_ms: number;
  readonly launched_at_ms: number;
  readonly ready_at_ms: number;
  readonly facts: VmFacts;
  /** Of the definition of the function. */
  readonly revision: number;
  /** Fields of the definition that were changed, and VMs that gave way to others for it. */
  readonly changed: readonly string[];
  readonly replaced_vms: number;
}

/** What became of the definition of a DAG. */
export type DagOutcome = 'added' | 'replaced' | 'unchanged' | 'removed';

export type Reply =
  | DeployReply
  | InvokeReply
  | { readonly kind: 'remove'; readonly finished_at_ms: number }
  | { readonly kind: 'drain'; readonly finished_at_ms: number; readonly instances_stopped: number }
  | { readonly kind: 'targets'; readonly targets: Targets }
  /** Of a DAG: what became of its definition. */
  | { readonly kind: 'dag'; readonly outcome: DagOutcome }
  /** Of a cordon, or its end: noted. */
  | { readonly kind: 'cordon' }
  /** The request as a whole could not be served. */
  | { readonly kind: 'error'; readonly failure: Refusal };

/** The far part of what starts, and how much of it is to be in each. */
export interface FarStart extends Parts {
  readonly region_id: string;
  readonly region_index: number;
}

export type Action =
  | { readonly type: 'launch-vm'; readonly vm_id: string; readonly spec: FunctionSpec }
  /** Take up a VM that an earlier agent left. */
  | { readonly type: 'adopt-vm'; readonly vm_id: string; readonly spec: FunctionSpec }
  /** `failure`: why, when nobody asked for it: the console of the VM is then kept. */
  | { readonly type: 'shutdown-vm'; readonly vm_id: string; readonly failure: Refusal | null }
  | { readonly type: 'resize-region'; readonly order: OperationOrder }
  | {
      readonly type: 'start-instance';
      readonly vm_id: string;
      readonly spec: FunctionSpec;
      readonly instance_id: string;
      readonly region_id: string;
      readonly region_index: number;
      readonly operation_id: string | null;
      /** Beside that region, of an instance whose memory has two parts; absent: it has one. */
      readonly far?: FarStart;
    }
  | {
      readonly type: 'invoke-instance';
      readonly vm_id: string;
      readonly instance_id: string;
      readonly request_id: string;
      readonly deadline_ms: number;
    }
  /** What an earlier agent asked of the instance: its answer is wanted. */
  | {
      readonly type: 'await-invocation';
      readonly vm_id: string;
      readonly instance_id: string;
      readonly request_id: string;
      readonly deadline_ms: number;
    }
  | { readonly type: 'stop-instance'; readonly vm_id: string; readonly instance_id: string }
  /** Its holder waits for growth that does not come: its guest is told so. */
  | {
      readonly type: 'deny-growth';
      readonly vm_id: string;
      readonly region_id: string;
      readonly instance_id: string;
      readonly failure: Refusal;
    }
  /** It stands plugged for whoever comes: its guest clears it ahead, and touches it. */
  | {
      readonly type: 'prepare-region';
      readonly vm_id: string;
      readonly region_id: string;
      readonly bytes: number;
    }
  /** The span that an instance asked for is there: its guest opens it. */
  | {
      readonly type: 'open-span';
      readonly vm_id: string;
      readonly region_id: string;
      readonly instance_id: string;
      readonly span: string;
      /** Which asking is answered; null: its guest does not tell them apart. */
      readonly serial: number | null;
    }
  /** It does not come: its guest is told so. */
  | {
      readonly type: 'refuse-span';
      readonly vm_id: string;
      readonly instance_id: string;
      readonly span: string;
      readonly serial: number | null;
      readonly failure: Refusal;
    }
  /** Somebody waits for memory in a region that is being shrunk: that ends with what it has. */
  | { readonly type: 'cut-shrink'; readonly vm_id: string; readonly operation_id: string }
  /** From now on its VMM runs behind all else on the host, or as others do. */
  | { readonly type: 'yield-cpu'; readonly vm_id: string; readonly yields: boolean }
  /** An operation ends between two of its steps: no further one is asked for. */
  | {
      readonly type: 'end-steps';
      readonly vm_id: string;
      readonly order: OperationOrder;
      readonly reason: string;
    }
  | { readonly type: 'reply'; readonly request_id: string; readonly reply: Reply }
  /** What a policy was asked and said; only when somebody wants to know. */
  | { readonly type: 'decision'; readonly decision: Decision }
  /** A plug that was never sent: there was no permit for it. */
  | { readonly type: 'record-refusal'; readonly order: OperationOrder; readonly failure: Refusal }
  /** Something an operator should read. */
  | {
      readonly type: 'report';
      readonly level: 'warn' | 'error';
      readonly code: string;
      readonly function: string;
      readonly vm_id: string;
      readonly message: string;
    }
  /** Send `tick` at this time (host clock) unless an event comes earlier. At most one a step. */
  | { readonly type: 'wake'; readonly at_ms: number };

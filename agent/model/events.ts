/** What can happen to a host: requests of callers, results of actions, news of VMs, and time. */
import type { Outcome } from '../../hypervisor-client/vm.ts';
import type { CallKey } from './call-key.ts';
import type { CallMemory } from './call-memory.ts';
import type { DagSpec } from './dag.ts';
import type { ExpectedCall } from './expected-call.ts';
import type { FoundSpan } from './named-span.ts';
import type { HostMemoryTold } from './pressure.ts';
import type { Refusal } from './refusals.ts';
import type { FunctionSpec } from './spec.ts';
import type { VmFacts } from './state.ts';
import type { SetTargetsRequest } from './targets.ts';

/** The part of a resize's result on which decisions rest. */
export interface ResizeOutcome {
  readonly outcome: Outcome;
  /** The VMM accepted the new target: from now on plugged moves only towards it. */
  readonly accepted: boolean;
  readonly plugged_bytes: number;
  readonly plugged_at_ms: number | null;
  /** What the host's kernel sees of the region at the end; absent or null: it was not asked. */
  readonly resident_bytes?: number | null;
  readonly resident_at_ms?: number | null;
  readonly error_code: string | null;
  readonly reason: string | null;
}

/** How far the guest was when with one start, on the host's clock. */
export interface StartStamps {
  /** The guest took the request up. */
  readonly created_at_ms: number;
  /** t3 */
  readonly sandbox_at_ms: number;
  /** The region's memory is there and bound to the instance. */
  readonly attached_at_ms: number;
  readonly ready_at_ms: number;
}

/** What one invocation measured, on the host's clock. */
export interface InvocationResult {
  readonly first_byte_at_ms: number;
  readonly finished_at_ms: number;
  readonly guest_wall_ms: number;
  /** Null, here and below: the guest does not tell it of this function. */
  readonly guest_cpu_ms: number | null;
  /** The part of it until the first byte. */
  readonly guest_touch_cpu_ms: number | null;
  readonly anonymous_bytes: number | null;
  readonly minor_faults: number | null;
  /** The function says that it failed, in its own words; null: it does not. */
  readonly function_error: string | null;
  /** The most its instance has held since it started; absent or null: not asked, or not known. */
  readonly peak_bytes?: number | null;
}

/** What the guest counts as used of one region: a hint, and no more than that. */
export interface RegionUsage {
  readonly region_id: string;
  readonly used_bytes: number;
  /** Whose use it is; absent: whoever holds it. */
  readonly instance_id?: string;
  /** What the guest calls plugged; absent: not told. */
  readonly plugged_bytes?: number | undefined;
  /** What could be unplugged of it now, from its end; absent or null: the guest does not know. */
  readonly free_tail_bytes?: number | null | undefined;
  /** By how much its holder, which waits for it, wants it larger at least; absent or 0: not. */
  readonly want_bytes?: number;
  /** On the host's clock, when the guest said it and when it was heard; absent: not known. */
  readonly said_at_ms?: number;
  readonly heard_at_ms?: number;
}

/** An instance as its guest knows it. */
export interface FoundInstance {
  readonly instance_id: string;
  /** It starts, waits or works; false: it is ending, or gone. */
  readonly is_alive: boolean;
}

export type HostEvent =
  /* requests; each gets exactly one `reply` action with its request_id */
  | {
      readonly type: 'deploy';
      readonly request_id: string;
      readonly spec: FunctionSpec;
      /** A function that is there with another spec gets this one; absent: it is refused. */
      readonly update?: boolean;
      /** What an update would do is told, and nothing is done; absent: it is done. */
      readonly dry_run?: boolean;
      /** Who asks; absent: not told. */
      readonly peer?: string | null;
    }
  | {
      readonly type: 'invoke';
      readonly request_id: string;
      readonly function: string;
      readonly invocation_id: string;
      /** How long it may run; null: as the agent has it. Its payload is kept by the executor. */
      readonly timeout_ms: number | null;
      readonly key?: CallKey;
      /** By the function's expression and the payload; absent: it has none. */
      readonly memory?: CallMemory;
      readonly peer?: string | null;
      /** When it is to be over for what follows it; absent: as its function says. */
      readonly deadline_at_ms?: number;
      /** The call that was foreseen under this id; absent: it was not. */
      readonly expected?: string;
    }
  /** Calls that a function will get are foreseen; others, by their ids, not any more. */
  | {
      readonly type: 'expect';
      readonly function: string;
      readonly calls: readonly ExpectedCall[];
      readonly dropped: readonly string[];
    }
  | {
      readonly type: 'remove';
      readonly request_id: string;
      readonly function: string;
      /** How long busy instances may go on; then the VM is shut down under them. */
      readonly drain_ms: number;
      readonly peer?: string | null;
    }
  | ({
      readonly type: 'set-targets';
      readonly request_id: string;
      readonly peer?: string | null;
    } & SetTargetsRequest)
  | {
      readonly type: 'drain';
      readonly request_id: string;
      readonly function: string;
      /** This one alone, which is then ended and replaced; absent: idle instances of all. */
      readonly vm_id?: string;
      readonly peer?: string | null;
    }
  /** A DAG over functions that are there, or another in its place. */
  | {
      readonly type: 'deploy-dag';
      readonly request_id: string;
      readonly dag: DagSpec;
      readonly peer?: string | null;
    }
  /** The DAG of that name is forgotten. */
  | {
      readonly type: 'remove-dag';
      readonly request_id: string;
      readonly dag: string;
      readonly peer?: string | null;
    }
  /** The host takes no new work from now on. */
  | {
      readonly type: 'cordon';
      readonly request_id: string;
      /** What runs may end, and every VM ends then. */
      readonly drain: boolean;
      readonly author: string;
      readonly reason: string;
      /** Wall clock of the host, RFC 3339. */
      readonly since: string;
    }
  | {
      readonly type: 'uncordon';
      readonly request_id: string;
      readonly author: string;
      readonly reason: string;
    }
  /** The caller of an invocation went away. */
  | {
      readonly type: 'cancel';
      readonly request_id: string;
      readonly function: string;
      readonly peer?: string | null;
    }
  /* the function VM */
  | {
      readonly type: 'vm-ready';
      readonly vm_id: string;
      readonly launched_at_ms: number;
      /** The device of each region, in their order; absent: each region is one. */
      readonly devices?: readonly string[];
      readonly facts: VmFacts;
    }
  /** The state was an earlier agent's: first of all events. */
  | { readonly type: 'restarted' }
  /** A VM of an earlier agent answers. */
  | {
      readonly type: 'vm-adopted';
      readonly vm_id: string;
      /** Null: its guest is of a version that does not tell. */
      readonly instances: readonly FoundInstance[] | null;
      /** Spans that its instances wait for or have; absent: none, or it does not tell. */
      readonly spans?: readonly FoundSpan[];
    }
  /** It cannot be used any more (did not start, no hello, panic, exit, channel broken). */
  | { readonly type: 'vm-failed'; readonly vm_id: string; readonly failure: Refusal }
  /** Its guest does not answer any more, or answers again. */
  | { readonly type: 'vm-health'; readonly vm_id: string; readonly responsive: boolean }
  /** After `shutdown-vm`: nothing of it is left on the host. */
  | { readonly type: 'vm-gone'; readonly vm_id: string }
  | { readonly type: 'vm-undead'; readonly vm_id: string; readonly reason: string }
  /** The guest's word of what the holders of these regions use: a hint, never a proof. */
  | { readonly type: 'usage'; readonly vm_id: string; readonly regions: readonly RegionUsage[] }
  /** The guest's word that it has prepared a region, and how much of it is ready: a hint, too. */
  | {
      readonly type: 'region-prepared';
      readonly vm_id: string;
      readonly region_id: string;
      readonly ready_bytes: number;
    }
  /* results */
  | {
      readonly type: 'resized';
      readonly vm_id: string;
      readonly operation_id: string;
      readonly result: ResizeOutcome;
    }
  | {
      readonly type: 'instance-started';
      readonly vm_id: string;
      readonly instance_id: string;
      readonly stamps: StartStamps;
    }
  | {
      readonly type: 'instance-start-failed';
      readonly vm_id: string;
      readonly instance_id: string;
      readonly failure: Refusal;
    }
  | {
      readonly type: 'invocation-finished';
      readonly vm_id: string;
      readonly instance_id: string;
      readonly request_id: string;
      readonly result: InvocationResult;
    }
  | {
      readonly type: 'invocation-failed';
      readonly vm_id: string;
      readonly instance_id: string;
      readonly request_id: string;
      readonly failure: Refusal;
      /** Its program did not get it; absent: it may have got it. */
      readonly is_unheard?: true;
    }
  | {
      readonly type: 'instance-stopped';
      readonly vm_id: string;
      readonly instance_id: string;
      readonly gone_at_ms: number;
    }
  | {
      readonly type: 'instance-stop-failed';
      readonly vm_id: string;
      readonly instance_id: string;
      readonly reason: string;
    }
  /** The instance ended though nobody asked (OOM, crash, exit). */
  | {
      readonly type: 'instance-exited';
      readonly vm_id: string;
      readonly instance_id: string;
      readonly reason: 'exited' | 'oom' | 'crash' | 'killed';
      readonly status: number | null;
      readonly signal: number | null;
      /** The last invocation that it got; null: it got none, absent: its guest does not tell. */
      readonly ran?: string | null;
    }
  /** An instance asks for a span, or has closed one: the guest's word. */
  | {
      readonly type: 'span-asked';
      readonly vm_id: string;
      readonly instance_id: string;
      readonly span: string;
      /** Of this asking, by its guest; null: it does not tell. */
      readonly serial: number | null;
      readonly bytes: number;
      /** On the host's clock; null: not known. */
      readonly said_at_ms: number | null;
    }
  | {
      readonly type: 'span-closed';
      readonly vm_id: string;
      readonly instance_id: string;
      readonly span: string;
      /** Which asking is over; null: whichever there is. */
      readonly serial: number | null;
    }
  /** What the host has of memory; null: it does not tell. */
  | { readonly type: 'host-memory'; readonly told: HostMemoryTold | null }
  | { readonly type: 'tick' };

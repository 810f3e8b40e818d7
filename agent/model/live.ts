/**
 * The agent's live state as it is told to whoever reads it on the WebSocket: a snapshot in parts,
 * then changes, each with a number one above that of the change before. Rows are whole but for the
 * regions of a VM, of which a change has those that changed. Null is: not known, or there is none;
 * it is never told as 0. Times are CLOCK_MONOTONIC of the host. Plain data.
 */
import type { Cordon } from './host-messages.ts';
import type { FunctionPhase, InstancePhase, VmPhase } from './state.ts';
import type { Cause } from './operations.ts';
import type { MemoryStep, Operation, Report } from './records.ts';
import type { MemoryStatus, SpansStatus } from './span-messages.ts';

/** Names this form; a reader that does not know it must not guess. New fields do not change it. */
export const LIVE_PROTOCOL = 'hotplane.live.v1';

/** The book of the host. */
export interface LiveHost {
  readonly limit_bytes: number;
  readonly granted_bytes: number;
  readonly free_bytes: number;
  /** Booked for VMs of an earlier agent that nobody could end. */
  readonly earlier_bytes: number;
  /** Null: it takes new work; absent: an older agent, which takes it always. */
  readonly cordon?: Cordon | null;
}

export interface LiveFunction {
  readonly name: string;
  readonly phase: FunctionPhase;
  readonly mechanism: string;
  readonly limit_bytes: number;
  readonly queued: number;
  /** When the one that waits longest came; null: nobody waits. */
  readonly oldest_received_at_ms: number | null;
  readonly last_failure: { readonly code: string; readonly message: string } | null;
  /** Null: its instances have one size; absent: an older agent, which does not tell. */
  readonly memory?: LiveElastic | null;
  /** Null: it has none, and nobody asked for one; absent: an older agent. */
  readonly spans?: SpansStatus | null;
}

/** Memory that follows its use; above the baseline until the row was told. */
export type LiveElastic = Omit<MemoryStatus, 'expression'>;

export interface LiveRegion {
  readonly index: number;
  readonly id: string;
  readonly target_bytes: number;
  readonly plugged_bytes: number;
  readonly permit_bytes: number;
  /** The guest's word; null: not told since it has this holder. */
  readonly used_bytes: number | null;
  readonly instance_id: string | null;
  /** The span that it is of its instance; null: its own memory, or nobody has it. */
  readonly span: string | null;
  readonly instance_phase: InstancePhase | null;
  /** The resize in flight. */
  readonly operation_id: string | null;
  /** Plugged ahead of a start, and kept so for it. */
  readonly ready: boolean;
  /** Unplugs that left bytes behind since it was last empty. */
  readonly unplug_attempts: number;
}

export interface LiveVm {
  readonly id: string;
  readonly function: string;
  readonly phase: VmPhase | 'unresponsive';
  readonly boot_bytes: number;
  readonly overhead_bytes: number;
  readonly region_count: number;
  /** In a snapshot all of them, in a change those that changed. */
  readonly regions: readonly LiveRegion[];
}

/** A resize in flight; when it is over its row is gone, and its record is told. */
export interface LiveOperation {
  readonly id: string;
  readonly vm_id: string;
  readonly region_id: string;
  readonly cause: Cause;
  readonly from_bytes: number;
  readonly to_bytes: number;
  readonly decided_at_ms: number;
}

/** Rows, of each kind those that there are to tell. */
export interface LiveRows {
  readonly functions: readonly LiveFunction[];
  readonly vms: readonly LiveVm[];
  readonly operations: readonly LiveOperation[];
}

/** Keys of rows that are no more. */
export interface LiveGone {
  readonly functions: readonly string[];
  readonly vms: readonly string[];
  readonly operations: readonly string[];
}

/** Invocations that were not done, of one kind, since the last message. */
export interface LiveRefusal {
  readonly function: string;
  readonly outcome: 'refused' | 'failed';
  readonly code: string;
  readonly count: number;
}

/** What happened since the last message. */
export interface LiveNews {
  readonly operations: readonly Operation[];
  readonly memory: readonly MemoryStep[];
  readonly reports: readonly Report[];
  readonly refusals: readonly LiveRefusal[];
  readonly invocations_done: number;
  /** Records that were too many for one message. */
  readonly dropped: number;
}

/** The first message: rows follow, in any number of parts, until `ready`. */
export interface LiveSnapshot {
  readonly type: 'snapshot';
  readonly protocol: string;
  /** Of the last change that is in it; the next one has the next number. */
  readonly sequence: number;
  readonly at_ms: number;
  readonly version: string;
  readonly pid: number;
  readonly host: LiveHost;
}

export interface LivePart extends LiveRows {
  readonly type: 'part';
}

export interface LiveReady {
  readonly type: 'ready';
}

export interface LiveChange extends LiveRows {
  readonly type: 'change';
  readonly sequence: number;
  readonly at_ms: number;
  readonly host: LiveHost;
  readonly gone: LiveGone;
  readonly news: LiveNews;
}

export type LiveMessage = LiveSnapshot | LivePart | LiveReady | LiveChange;

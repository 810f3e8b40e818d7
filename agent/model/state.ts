/**
 * Everything the agent knows of its host, as plain data. `step` never changes a state it was given:
 * it edits copies (core/draft.ts), so a state may be kept, compared and printed.
 */
import { type Alarms, noAlarms } from './alarms.ts';
import type { CallKey } from './call-key.ts';
import type { CallMemory } from './call-memory.ts';
import { type CoreConfig, DEFAULT_CONFIG } from './config.ts';
import type { CordonState } from './cordon.ts';
import type { DagSpec } from './dag.ts';
import type { ExpectedCall } from './expected-call.ts';
import type { StartStamps } from './events.ts';
import type { ExpressionLedger } from './expression-ledger.ts';
import type { NamedSpan } from './named-span.ts';
import type { NamedSpanTally } from './span-tally.ts';
import type { VmNetwork } from './network.ts';
import type { ElasticTally, SpanState } from './span.ts';
import { newQueue, type QueueState } from './operation-queue.ts';
import type { OperationState } from './operations.ts';
import type { Pace } from './pace.ts';
import type { PoolState } from './pool.ts';
import { type HostMemoryTold, NO_PRESSURE, type PressureState } from './pressure.ts';
import { Queue } from './queue.ts';
import type { ReclaimTally } from './reclaim.ts';
import type { Refusal } from './refusals.ts';
import type { FunctionSpec } from './spec.ts';
import type { StartedFor } from './started-for.ts';
import type { StartedParts } from './tier-share.ts';
import { Table } from './table.ts';
import type { TargetsState } from './targets.ts';
import type { OutdatedState, UpdateState } from './update.ts';
import { budgetOf, hostBytes, type Tier, type TierBytes } from './tiers.ts';

/**
 * `deploying`: no VM has served yet. `serving`. `removing`: Remove asked, instances are being
 * stopped. `ending`: its last VM is being shut down. `lost`: it has no VM against our will; it
 * gets another when that is due (core/comeback.ts), or with Deploy of the same spec.
 */
export type FunctionPhase = 'deploying' | 'serving' | 'removing' | 'ending' | 'lost';

/**
 * `booting`: launched, no hello yet. `filling`: `static` only, regions being plugged. `running`.
 * `adopting`: left by an earlier agent, not taken up yet. `ending`: being shut down. `lost`:
 * nothing of it is left, and its function has no other.
 */
export type VmPhase = 'booting' | 'filling' | 'running' | 'adopting' | 'ending' | 'lost';

/** `starting`: plug or guest start not finished. `stopping`: also doomed starts. */
export type InstancePhase = 'starting' | 'busy' | 'idle' | 'stopping';

export interface QueuedInvocation {
  /** Ours, unique in the agent's life; the caller's `invocation_id` need not be. */
  readonly request_id: string;
  readonly invocation_id: string;
  /** Order of arrival among those of its function. */
  readonly sequence: number;
  readonly timeout_ms: number | null;
  readonly received_at_ms: number;
  /** Of a caller who may ask again. */
  readonly key?: CallKey;
  /** What it will take by its function's expression; absent: that has none. */
  readonly memory?: CallMemory;
  /** When it is to be over; absent: as its function says. */
  readonly deadline_at_ms?: number;
  /** How often it was given to an instance that ended before it got it; absent: never. */
  readonly returns?: number;
  /** An earlier agent took it, and its payload is gone with that; `ended`: so is its instance. */
  readonly left?: 'alive' | 'ended';
}

export interface RegionState {
  /** Ordinal in its VM. */
  readonly index: number;
  readonly id: string;
  /** The virtio-mem device it is a part of; its own name where it is all of one. */
  device: string;
  readonly tier: Tier;
  /** The instance it belongs to now, or a span of one: `i7/name`. */
  holder: string | null;
  /** What the VMM was last asked for and may have taken: plugged moves towards it, never beyond. */
  target_bytes: number;
  /** The VMM's word at the end of the last resize. */
  plugged_bytes: number;
  /** The guest's word of what its holder uses; null: not told since it has this holder. */
  used_bytes: number | null;
  /** Host memory granted for this region: never below what may be plugged in it. */
  permit_bytes: number;
  /** The resize in flight, if any; its row is in `operations`. */
  operation_id: string | null;
  /** Plugged ahead of a start, and kept so for it. */
  ready: boolean;
  /**
   * The guest's word of what of it was clean and touched since it is ready, which says nothing of a
   * region that is not; absent or null: not told.
   */
  prepared_bytes?: number | null;
  /** Until then it stays so though no policy asks for it; absent or null: it does not. */
  keep_until_ms?: number | null;
  /** Unplugs that left bytes behind since the region was last empty. */
  unplug_attempts: number;
  /** When the next try is due; null: nothing left, or given up until reuse, Drain or Remove. */
  retry_at_ms: number | null;
  /** Until then no other size is asked for: the last one was not reached. */
  hold_until_ms: number | null;
  /** It is for spans, and no instance starts in it. */
  readonly of_spans?: true;
  /** It has the far part of an instance, which starts in another region. */
  readonly of_far?: true;
  /** The region with the far part of what starts in this one; absent: there is none. */
  readonly far_index?: number;
  /** The span that is asked for or open in it; absent or null: none. */
  named?: NamedSpan | null;
  /** How its size follows its holder's use; null: nobody holds it, or it has one size. */
  span: SpanState | null;
}

export interface InstanceState {
  readonly id: string;
  readonly region_index: number;
  phase: InstancePhase;
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
  /** The queued invocation this start was made for, which another may serve; null: for none. */
  readonly cause_sequence: number | null;
  /** Since when it is started, and how long that lacked memory; absent: of an earlier agent. */
  readonly decided_at_ms?: number;
  readonly lacked_ms?: number;
  /** Absent: of an earlier agent. */
  readonly started_for?: StartedFor;
  plugged_at_ms: number | null;
  /** The guest's answer to its start. */
  start_stamps: StartStamps | null;
  /** Both plug and guest start done (t4). */
  ready_at_ms: number | null;
  idle_since_ms: number;
  invocations: number;
  invocation: QueuedInvocation | null;
  assigned_at_ms: number;
  /** By its function's expression; absent: that has none, or nothing was called yet. */
  sized?: SizedInstance;
  /** Where its memory is; absent: all of it is in one region. */
  parts?: StartedParts;
}

/** What an expression says of an instance, by the call that it serves or has served last. */
export interface SizedInstance {
  /** For the call, and what stays after it; null: there is no answer. */
  readonly expected_bytes: number | null;
  readonly kept_bytes: number | null;
  /** How it came to that, or why to nothing; for people. */
  readonly because: string;
  /** The most since its start, as its guest's kernel counts; 0: not known. */
  readonly peak_bytes: number;
}

/** What a VM said of itself when it became ready. */
export interface VmFacts {
  readonly guest_kernel: string;
  readonly vmm: string;
  readonly accelerator: string;
  /** Its program file; null when the host does not tell it. */
  readonly vmm_path: string | null;
  readonly vmm_pid: number;
  readonly vmm_command: readonly string[];
  /** Of the image it booted, null where that is not known. */
  readonly kernel_variant: string | null;
  readonly kernel_key: string | null;
  readonly series_revision: string | null;
  readonly rootfs_key: string | null;
}

export interface VmState {
  readonly id: string;
  /** Name of the function it runs instances of. */
  readonly function: string;
  phase: VmPhase;
  readonly requested_at_ms: number;
  launched_at_ms: number;
  ready_at_ms: number | null;
  facts: VmFacts | null;
  /** Granted for its ordinary memory; nothing once it is gone. */
  boot_permit: TierBytes;
  /** Granted for its VMM process, which takes memory of its own; nothing once it is gone. */
  overhead_permit: TierBytes;
  /** Its addresses; null: it has no network, or is gone. */
  network: VmNetwork | null;
  regions: RegionState[];
  instances: InstanceState[];
  /** Starts since it was launched. */
  instances_started: number;
  /** Whether a region of it was ever plugged ahead of a start, and may have to be taken back. */
  made_ready: boolean;
  /** Why it is ending or lost, when nobody asked for it. */
  failure: Refusal | null;
  /** Since when its guest does not answer; null while it does. */
  unresponsive_since_ms: number | null;
  /** It is of an earlier definition of its function, this one; null: of the one that it has. */
  outdated: OutdatedState | null;
  /** It takes no new work and ends when what runs in it is over; null: it does not. */
  retiring: RetiringState | null;
  /** Since when it has neither instances nor memory in its regions; null while it has. */
  quiet_since_ms: number | null;
  /** When the policy wants a region in use to have another size; null: at no time it has told. */
  size_at_ms: number | null;
  /** Earliest moment at which time alone changes something here. */
  wake_at_ms: number | null;
}

/** A VM that is to end, and to be replaced. */
export interface RetiringState {
  /** Why it is quarantined; null: it was asked for. */
  readonly failure: Refusal | null;
  /** When it is ended whatever runs in it. */
  readonly end_by_ms: number;
  /** When a VM in its place is tried again; null: it was not refused. */
  readonly retry_at_ms: number | null;
  /** Another was launched in its place, or is there. */
  readonly is_replaced: boolean;
}

/** A Drain waiting until these regions hold nothing more, or nobody tries any longer. */
export interface DrainState {
  readonly request_id: string;
  readonly instances_stopped: number;
  readonly regions: readonly { readonly vm_id: string; readonly index: number }[];
  /** A VM that is to be gone too; absent: none. */
  readonly vm_id?: string;
}

/** Callers who are answered later, by their `request_id`. */
export interface Waiters {
  readonly deploy: readonly string[];
  readonly remove: readonly string[];
  readonly drain: readonly DrainState[];
}

export interface LastFailure {
  readonly failure: Refusal;
  readonly vm_id: string;
  readonly at_ms: number;
}

/** Memory that a function lacks for starts which somebody waits for. */
export interface Shortage {
  /** Since when none of its starts got any. */
  readonly since_ms: number;
  /** Arrival of the oldest invocation that waits for it: its place among functions. */
  readonly received_at_ms: number;
  /** What all the starts take that it lacks. */
  readonly wanted_bytes: number;
  /** Of which tier; absent: of the host's. */
  readonly tier?: Tier;
}

/** A function that lost its last VM against our will, and gets another. */
export interface ComebackState {
  /** VMs that were lost in a row before one had served for a while, beyond the first. */
  readonly failures: number;
  /** When it gets the next one; no earlier than the last one is gone. */
  readonly due_at_ms: number;
}

export interface FunctionState {
  /** What it was deployed as last. */
  spec: FunctionSpec;
  /** How often its definition was given, 1 for the first. */
  revision: number;
  /** VMs of earlier definitions give way to others; null: there are none. */
  update: UpdateState | null;
  phase: FunctionPhase;
  queue: Queue<QueuedInvocation>;
  /** Of the next invocation that arrives. */
  next_sequence: number;
  /** Invocations that came back into the queue; absent: none. */
  calls_returned?: number;
  /** Its VMs, the longest there first. */
  vm_ids: readonly string[];
  waiters: Waiters;
  /** After `ending`: forget the function, or keep it as `lost`. */
  forget: boolean;
  /** Why it is ending or lost, when nobody asked for it. */
  failure: Refusal | null;
  /** The last thing that went wrong unasked, with its VM; kept when a new VM takes over. */
  last_failure: LastFailure | null;
  /** Null: it never lost its last VM, or is still deployed for the first time. */
  comeback: ComebackState | null;
  /** `removing`: when its VMs are shut down whatever still runs in them. */
  remove_by_ms: number | null;
  /** What the sizes of its instances came to; null: they have one size. */
  elastic: ElasticTally | null;
  /** What its named spans came to; absent or null: none was asked for yet. */
  named_spans?: NamedSpanTally | null;
  /** How good its memory expression is; absent or null: it has none. */
  expression?: ExpressionLedger | null;
  /** What its promise about memory that it gives up came to; null: none was made yet. */
  reclaim: ReclaimTally | null;
  /** Bounds and wishes set from outside; null: none ever were. */
  targets: TargetsState | null;
  /** How long things take it, as this agent has seen. */
  pace: Pace;
  /** How ready its memory stands, and what that is good for. */
  pool: PoolState;
  /** Until then none is made ready: others needed what was; absent or null: it may be. */
  pool_rest_until_ms?: number | null;
  /** Calls that it will get, as somebody foresees them. */
  expected: readonly ExpectedCall[];
  /** Null: it lacks no memory, or does not wait for it. */
  short: Shortage | null;
  /** Earliest moment at which time alone changes something here or in its VMs. */
  wake_at_ms: number | null;
}

/** What a VM of a function is: its definition, or an earlier one. */
export const vmSpec = (fn: Pick<FunctionState, 'spec'>, vm: Pick<VmState, 'outdated'>) =>
  vm.outdated?.spec ?? fn.spec;

export interface HostState {
  /** Host memory for all VMs; `host`: what no node has of it. */
  readonly capacity: TierBytes;
  /** Sum of all permits, kept beside them and asserted. */
  readonly granted: TierBytes;
  /** Source of every id; no randomness in the core. */
  readonly next_id: number;
  readonly functions: Table<FunctionState>;
  readonly vms: Table<VmState>;
  /** Resizes in flight. */
  readonly operations: Table<OperationState>;
  /** VMs of an earlier agent that could not be ended: they hold memory and stay in the book. */
  readonly earlier_vms: readonly EarlierVm[];
  /** What a policy remembers, by its name. */
  readonly policy_state: Readonly<Record<string, unknown>>;
  /** What the host said of its memory last; null: nothing. */
  readonly told: HostMemoryTold | null;
  readonly pressure: PressureState;
  /** Null: it takes new work. */
  readonly cordon: CordonState | null;
  /** By name; the functions of one may have gone since. */
  readonly dags: Readonly<Record<string, DagSpec>>;
  /** Of operations: what waits, and what was learned for their order. */
  readonly queue: QueueState;
  /** Functions that wait for memory, the longest first: follows from their rows. */
  readonly short: readonly string[];
  /** Instances that work on an invocation: follows from their rows, see running.ts. */
  readonly running: number;
  /** Which function is due next. */
  readonly alarms: Alarms;
  readonly config: CoreConfig;
}

/** What is known of a host besides its memory. */
export interface HostFacts extends Partial<CoreConfig> {
  readonly earlier_vms?: readonly EarlierVm[];
  readonly told?: HostMemoryTold | null;
  readonly pressure?: PressureState;
}

export interface EarlierVm {
  readonly id: string;
  readonly pid: number;
  /** What it may hold of the host's memory. */
  readonly bytes: number;
}

/** `next_id` above 1 keeps the names of earlier VMs, whose consoles may still be there, free. */
export function emptyHost(
  host_limit_bytes: number,
  next_id = 1,
  { earlier_vms = [], told = null, pressure = NO_PRESSURE, ...config }: HostFacts = {},
): HostState {
  const earlier_bytes = earlier_vms.reduce((sum, { bytes }) => sum + bytes, 0);
  const settings = { ...DEFAULT_CONFIG, ...config };
  return {
    capacity: budgetOf(host_limit_bytes, settings.node_limits),
    granted: hostBytes(earlier_bytes),
    next_id,
    functions: Table.empty(),
    vms: Table.empty(),
    operations: Table.empty(),
    earlier_vms,
    policy_state: {},
    told,
    pressure,
    cordon: null,
    dags: {},
    queue: newQueue(settings.queue, settings.host_cpus),
    short: [],
    running: 0,
    alarms: noAlarms(),
    config: settings,
  };
}

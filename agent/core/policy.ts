/**
 * What the core asks of a policy: four questions, pure. Whatever is answered, the core keeps the
 * promises: the sum of permits within the host's memory, nothing unplugged that a holder uses, one
 * operation of a region at a time. An answer that would break one is cut down or ignored, and the
 * decision's record says so.
 */
import type { CoreConfig } from '../model/config.ts';
import type { HostEvent } from '../model/events.ts';
import type { Pace } from '../model/pace.ts';
import type { FunctionSpec } from '../model/spec.ts';
import type {
  FunctionPhase,
  InstanceState,
  QueuedInvocation,
  RegionState,
  VmState,
} from '../model/state.ts';

export type InstanceView = Readonly<InstanceState>;
export type RegionView = Readonly<RegionState>;

/** A VM as a policy sees it. */
export interface VmView extends Readonly<Omit<VmState, 'regions' | 'instances'>> {
  readonly regions: readonly RegionView[];
  readonly instances: readonly InstanceView[];
}

/** A function as a policy sees it. */
export interface FunctionView {
  readonly now_ms: number;
  readonly spec: FunctionSpec;
  readonly phase: FunctionPhase;
  readonly queued: number;
  /** The one that waits longest; undefined when none waits. */
  readonly oldest: QueuedInvocation | undefined;
  readonly vms: readonly VmView[];
  /** Of the host, not granted to anybody. */
  readonly free_bytes: number;
  readonly config: CoreConfig;
  /** How long things take it, and how often it is called. */
  readonly pace: Pace;
  /** What the policy has learned; undefined before `learn` was called first. */
  readonly memory: unknown;
}

/** Where an invocation can go: an idle instance, or a free region for a new one (null). */
export interface Candidate {
  readonly vm: VmView;
  readonly region: RegionView;
  readonly instance: InstanceView | null;
}

/** May the invocation wait? `refuse` is the reason, for people. */
export type Admission =
  | { readonly admit: true }
  | { readonly admit: false; readonly reason: string };

/** How many, and how ready. */
export interface Scale {
  /** Instances to start now, as far as there are free regions and memory. */
  readonly starts: number;
  /** Idle instances to stop now. */
  readonly stops: readonly { readonly vm_id: string; readonly instance_id: string }[];
  /** VMs to launch now, up to the function's `max_vms`. */
  readonly launches: number;
  /** VMs to end now; one that is not quiet stays. */
  readonly ends: readonly string[];
  /** Free regions that are to be plugged ahead of a start. */
  readonly plugged: number;
  /**
   * Idle instances that are to be there, for calls that are to come: missing ones are started in
   * free regions, behind all that somebody waits for. Absent: none is asked for.
   */
  readonly warm?: number;
  /** When to ask again, if nothing happens before; null: time alone changes nothing. */
  readonly wake_at_ms: number | null;
  /** Why, with its numbers, for the record; asked only where one is made. */
  readonly because?: () => string;
}

/** The size a region is to have. */
export interface Size {
  readonly target_bytes: number;
  /** Not before this time; null: now. */
  readonly at_ms: number | null;
  /** Why this size, with its numbers; for people. */
  readonly because?: string;
}

/** What a function's memory expression says of an instance now. */
export interface ExpectedSize {
  /** Of the call that it is started for or serves, or what stays after one; null: no answer. */
  readonly bytes: number | null;
  /** How it came to that, or why to nothing. */
  readonly because: string;
}

export interface SizeView {
  readonly now_ms: number;
  readonly spec: FunctionSpec;
  readonly vm: VmView;
  readonly region: RegionView;
  /** Its holder; null: the question is about a start, or a region made ready for one. */
  readonly instance: InstanceView | null;
  /** The largest it can be. */
  readonly max_bytes: number;
  /** Absent or null: its function has no expression, or nobody calls. */
  readonly expected?: ExpectedSize | null;
  readonly memory: unknown;
}

/** An idle instance that can give way to a start for which memory is wanting. */
export interface Yielding {
  readonly function: string;
  readonly vm_id: string;
  readonly instance_id: string;
  readonly idle_since_ms: number;
  /** What comes back when it ends. */
  readonly bytes: number;
}

/** What the function of a VM was deployed as; null: the VM is not there. */
export type SpecOf = (vm_id: string) => FunctionSpec | null;

/** Of a function, before the event: those that wait or run, and instances that can serve. */
export interface Counts {
  readonly concurrent: number;
  readonly ready: number;
}
export type CountsOf = (function_name: string) => Counts;

export interface Policy {
  /** For the registry and for records. */
  readonly name: string;
  /** Whether `size` is asked for regions in use too; false: for a start alone. */
  readonly elastic: boolean;
  readonly admit: (view: FunctionView) => Admission;
  /** One of the candidates, of which there is at least one; null: it waits. */
  readonly place: (view: FunctionView, candidates: readonly Candidate[]) => Candidate | null;
  readonly scale: (view: FunctionView) => Scale;
  /** Null: as it is, and for a start the largest. */
  readonly size: (view: SizeView) => Size | null;
  /**
   * Those of `idle`, the longest idle first, that may give way, in the order in which they are to;
   * absent: all of them in theirs.
   */
  readonly giveWay?: (
    idle: readonly Yielding[],
    about: { readonly now_ms: number; readonly memory: unknown },
  ) => readonly Yielding[];
  /** What is remembered after one of them ends; `left`: instances of its function that do not. */
  readonly gaveWay?: (memory: unknown, one: Yielding, left: number) => unknown;
  /**
   * What is remembered after an event, as plain JSON; it comes back in every view. The agent's own
   * policy hears every event, one that a function's targets name those of that function, and ticks.
   * `specOf`: of the function a VM is of. `countsOf`: what there is of a function, before the
   * event.
   */
  readonly learn?: (
    memory: unknown,
    event: HostEvent,
    now_ms: number,
    specOf: SpecOf,
    countsOf: CountsOf,
  ) => unknown;
}

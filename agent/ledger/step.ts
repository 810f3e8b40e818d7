/** One decided step, as the ledger looks at it, and the way in which records of it are made. */
import type { RecordDraft, RecordFields } from '../../ledger/record.ts';
import type { Edited } from '../core/step.ts';
import type { Action } from '../model/actions.ts';
import type { HostEvent } from '../model/events.ts';
import type { OperationState } from '../model/operations.ts';
import type { HostState, InstanceState, VmState } from '../model/state.ts';
import type { Anchors } from './anchors.ts';

/** What happened, and what was decided on it. */
export interface Decided {
  readonly before: HostState;
  readonly event: HostEvent;
  readonly state: HostState;
  readonly actions: readonly Action[];
  readonly edited: Edited;
  readonly now_ms: number;
}

/** A record without what every record of a step has. */
export type Said = RecordDraft extends infer One
  ? One extends RecordDraft
    ? Omit<One, 'at_ms' | 'cause_seq'>
    : never
  : never;

/** Where records go. */
export interface Sink {
  /** The record's number; 0: it is not kept. `joins`: it is of the step of the one before it. */
  add(draft: RecordDraft, joins: boolean): number;
  /** Says more in a record that is not written yet; false: it is. */
  amend(seq: number, more: Partial<RecordFields>): boolean;
  /** Asks the host what a VM holds, and records it before whatever is recorded next, if it may. */
  look(vm_id: string, name: string, at_ms: number, joins: boolean): boolean;
}

export class LedgerStep {
  readonly decided: Decided;
  readonly anchors: Anchors;
  readonly #sink: Sink;
  /** Something of the step is said. */
  #has_said = false;
  #waited: ReadonlyMap<string, string> | null = null;
  /** Of the event itself, and of what the policy answered: all else of this step comes of them. */
  readonly causes: number[] = [];

  constructor(decided: Decided, anchors: Anchors, sink: Sink) {
    this.decided = decided;
    this.anchors = anchors;
    this.#sink = sink;
  }

  /** `causes`: of this record, beside those of the whole step; what is not known is left out. */
  say(about: Said, ...causes: (number | undefined)[]): number {
    complete(about, this.decided.now_ms, seqsOf(causes, this.causes));
    const seq = this.#sink.add(about, this.#has_said);
    this.#has_said = true;
    if (seq > 0) this.anchors.note(seq, about);
    return seq;
  }

  amend(seq: number, more: Partial<RecordFields>): boolean {
    return this.#sink.amend(seq, more);
  }

  /** What the host sees of a VM before what was decided is done. */
  look(vm_id: string, name: string): void {
    const { now_ms } = this.decided;
    if (this.#sink.look(vm_id, name, now_ms, this.#has_said)) this.#has_said = true;
  }

  /** As it is after the step, or was before it where it is gone. */
  vm(id: string): VmState | undefined {
    return this.decided.state.vms.get(id) ?? this.decided.edited.vms.rowBefore(id);
  }

  /** As it was before the step. */
  vmBefore(id: string): VmState | undefined {
    const { edited, state } = this.decided;
    return edited.vms.get(id) === undefined ? state.vms.get(id) : edited.vms.rowBefore(id);
  }

  operationBefore(id: string): OperationState | undefined {
    const { operations } = this.decided.edited;
    const is_changed = operations.get(id) !== undefined;
    return is_changed ? operations.rowBefore(id) : this.decided.state.operations.get(id);
  }

  instance(vm_id: string, id: string): InstanceState | undefined {
    const now = this.decided.state.vms.get(vm_id)?.instances.find((one) => one.id === id);
    return now ?? this.vmBefore(vm_id)?.instances.find((one) => one.id === id);
  }

  /** The VM in which an instance was before the step; of another than the event's too. */
  vmOf(instance_id: string): VmState | undefined {
    const { event, before } = this.decided;
    const has = (vm: VmState | undefined): boolean =>
      vm?.instances.some(({ id }) => id === instance_id) === true;
    const own = 'vm_id' in event ? this.vmBefore(event.vm_id ?? '') : undefined;
    return has(own) ? own : [...before.vms.values()].find(has);
  }

  /** The function for which a request waited before the step; undefined: it did not. */
  waitedFor(request_id: string): string | undefined {
    this.#waited ??= waitingIn(this.decided.before);
    return this.#waited.get(request_id);
  }

  /** Who the function is for; nothing where nobody said. */
  tenantOf(name: string): { readonly tenant?: string } {
    const { state, edited } = this.decided;
    const fn = state.functions.get(name) ?? edited.functions.rowBefore(name);
    const { tenant = null } = fn?.spec ?? {};
    return tenant === null ? {} : { tenant };
  }

  /** The region that an instance has. */
  regionOf(vm_id: string, instance_id: string): string {
    const index = this.instance(vm_id, instance_id)?.region_index;
    return index === undefined ? vm_id : this.regionAt(vm_id, index);
  }

  regionAt(vm_id: string, index: number): string {
    const now = this.decided.state.vms.get(vm_id)?.regions[index];
    return regionOfVm(vm_id, (now ?? this.vmBefore(vm_id)?.regions[index])?.id ?? `r${index}`);
  }

  /** The record of the request that a start was made for. */
  requestOf(vm: VmState, { cause_sequence }: InstanceState): string | null {
    if (cause_sequence === null) return null;
    const { state, edited } = this.decided;
    const now = state.functions.get(vm.function)?.queue.find(cause_sequence);
    const was = now ?? edited.functions.rowBefore(vm.function)?.queue.find(cause_sequence);
    return was?.request_id ?? null;
  }
}

/** A region is named with its VM: `vm3/r0`. */
export const regionOfVm = (vm_id: string, region_id: string): string => `${vm_id}/${region_id}`;

function waitingIn({ functions }: HostState): Map<string, string> {
  const found = new Map<string, string>();
  for (const [name, { queue }] of functions) {
    for (const { request_id } of queue) found.set(request_id, name);
  }
  return found;
}

/** What is said is told once: it becomes the record, and no copy of it is made. */
function complete(
  about: Said,
  at_ms: number,
  cause_seq: readonly number[],
): asserts about is RecordDraft {
  const draft: Said & { at_ms?: number; cause_seq?: readonly number[] } = about;
  draft.at_ms = at_ms;
  draft.cause_seq = cause_seq;
}

function seqsOf(own: readonly (number | undefined)[], others: readonly number[]): number[] {
  const found: number[] = [];
  for (const seq of own) if (seq !== undefined) addSeq(found, seq);
  for (const seq of others) addSeq(found, seq);
  return found;
}

function addSeq(found: number[], seq: number): void {
  if (seq > 0 && !found.includes(seq)) found.push(seq);
}

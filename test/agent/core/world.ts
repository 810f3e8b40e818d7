/**
 * A host in which everything the core asks for happens, at a time and with an outcome chosen by
 * the test. It keeps the truth (what is really plugged and running) beside the core's book.
 */
import { MIB } from '../../../base/units.ts';
import { DEFAULT_POLICY } from '../../../agent/core/default-policy/policy.ts';
import type { StepContext } from '../../../agent/core/draft.ts';
import { countGranted, grantedBytes } from '../../../agent/core/permits.ts';
import { type Changed, type Edited, step } from '../../../agent/core/step.ts';
import type { Action, Reply } from '../../../agent/model/actions.ts';
import type { Decision } from '../../../agent/model/records.ts';
import type { FoundInstance, HostEvent } from '../../../agent/model/events.ts';
import type { MechanismName } from '../../../agent/model/mechanism.ts';
import { type FunctionSpec, PLAIN_SPEC, regionsPerVm } from '../../../agent/model/spec.ts';
import {
  emptyHost,
  type FunctionState,
  type HostFacts,
  type HostState,
  type VmState,
} from '../../../agent/model/state.ts';
import { NO_VALUES, type TargetValues } from '../../../agent/model/targets.ts';
import { type Fault, instanceOutcome, readyEvent, refusalFor } from './outcomes.ts';
import { isPending, type Pending } from './pending.ts';
import { checkPool } from './pooled.ts';
import { checkPressure } from './pressed.ts';
import { checkTargets } from './bounds.ts';
import { checkCordon } from './cordoned.ts';
import { checkQueue } from './queue.ts';
import { StepBudget } from './step-budget.ts';
import { totalBytes } from '../../../agent/model/tiers.ts';
import { checkTiers, hasFar } from './tiered.ts';
import { type Order, Truth } from './truth.ts';
import { Launched } from './updated.ts';
import { checkWaits } from './waits.ts';

export type { Fault } from './outcomes.ts';

export const WORK = { anonymous_bytes: MIB, file_bytes: 0, cpu_ms: 1, wall_ms: 1 };

/** Serves HTTP, where anything runs it. */
export const SERVER = {
  function_key: null,
  base_key: null,
  interface: 'http',
  command: ['/server'],
  environment: [],
  working_folder: null,
  user: null,
  tmp_bytes: null,
  timeout_ms: null,
} as const;

export function specOf(name: string, part: Partial<FunctionSpec> = {}): FunctionSpec {
  return {
    name,
    mechanism: 'virtio-mem',
    limit_bytes: 128 * MIB,
    concurrency: 2,
    vcpus: 1,
    boot_bytes: 256 * MIB,
    keep_alive_ms: 1_000,
    ...PLAIN_SPEC,
    ...part,
  };
}

/** What a state holds is never changed afterwards: an attempt throws. */
function freeze(value: unknown): void {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return;
  Object.freeze(value);
  for (const inner of Object.values(value)) freeze(inner);
}

export class World {
  state: HostState;
  now_ms = 0;
  readonly replies = new Map<string, Reply[]>();
  readonly reports: string[] = [];
  readonly actions: Action[] = [];
  readonly decisions: Decision[] = [];
  pending: Pending[] = [];
  wake_ms: number | null = null;
  context: StepContext = { policy: DEFAULT_POLICY, recording: false };
  changed: Changed = { functions: [], vms: [], operations: [] };
  /** Told of every step. */
  onEdited: (edited: Edited) => void = () => undefined;
  readonly truth = new Truth();
  readonly #launched = new Launched();
  /** Of VMs that become ready from now on. */
  regions_per_device = 1;
  series_revision = '';
  readonly running = new Set<string>();
  /** Steps of the core that were played, and checked. */
  steps = 0;
  #next_request = 1;

  constructor(limit_bytes: number, facts: HostFacts = {}) {
    this.state = emptyHost(limit_bytes, 1, facts);
  }

  request(): string {
    this.#next_request += 1;
    return `q${this.#next_request}`;
  }

  send(event: HostEvent): Action[] {
    if (event.type === 'vm-gone') this.#forget(event.vm_id);
    const before = this.state;
    this.steps += 1;
    const { state, actions, changed, edited } = step(before, event, this.now_ms, this.context);
    this.state = state;
    this.changed = changed;
    this.onEdited(edited);
    for (const name of changed.functions) freeze(state.functions.get(name));
    for (const id of changed.vms) freeze(state.vms.get(id));
    for (const id of changed.operations) freeze(state.operations.get(id));
    this.wake_ms = null;
    for (const action of actions) this.#take(action);
    this.#check();
    checkWaits(before, state, actions, this);
    checkQueue(before, state, actions, this);
    checkTargets(before, state, actions);
    checkPressure(before, state, actions, event);
    checkPool(before, state, actions, this);
    checkCordon(before, state, actions);
    this.#launched.check(before, state, actions, event);
    return [...actions];
  }

  vmsOf(name: string): VmState[] {
    const ids = this.state.functions.get(name)?.vm_ids ?? [];
    return ids.flatMap((id) => this.state.vms.get(id) ?? []);
  }

  functions(): FunctionState[] {
    return [...this.state.functions.values()];
  }

  #forget(vm_id: string): void {
    this.truth.forget(vm_id);
    this.pending = this.pending.filter((one) => this.#vmOf(one) !== vm_id);
  }

  #vmOf(action: Pending): string {
    return action.type === 'resize-region' ? action.order.vm_id : action.vm_id;
  }

  #take(action: Action): void {
    this.actions.push(action);
    if (action.type === 'reply') {
      const list = this.replies.get(action.request_id) ?? [];
      this.replies.set(action.request_id, [...list, action.reply]);
    } else if (action.type === 'wake') {
      this.wake_ms = action.at_ms;
    } else if (action.type === 'report') {
      this.reports.push(action.code);
    } else if (action.type === 'decision') {
      this.decisions.push(action.decision);
    } else if (isPending(action)) {
      if (action.type === 'resize-region') this.#offer(action.order);
      this.pending.push(action);
    }
  }

  /** A resize is sent: never a second of one region, never one that takes what is in use. */
  #offer(order: Order): void {
    const vm = this.state.vms.get(order.vm_id);
    const region = vm?.regions[order.region_index];
    const key = `${order.vm_id}/${order.region_id}`;
    const taken = region !== undefined && region.holder !== null && order.kind === 'unplug';
    if (taken && order.to_bytes < (region.used_bytes ?? 1)) {
      throw new Error(`${key}: ${order.to_bytes} asked for, ${region.used_bytes} in use`);
    }
    for (const { device, operation_id, id } of vm?.regions ?? []) {
      if (device !== region?.device || id === region.id || operation_id === null) continue;
      const beside = this.state.operations.get(operation_id);
      if ((beside?.to_bytes === 0) !== (order.to_bytes === 0)) {
        throw new Error(`${key}: its device moves the other way for ${id}`);
      }
    }
    this.truth.offer(order);
  }

  /** The book is an upper bound of the truth, region by region and in sum; and it adds up. */
  #check(): void {
    let truth = 0;
    for (const { vm_id, region_id, plugged_bytes } of this.truth.regions()) {
      truth += plugged_bytes;
      const regions = this.state.vms.get(vm_id)?.regions;
      const permit = regions?.find((one) => one.id === region_id)?.permit_bytes ?? -1;
      if (permit < plugged_bytes) {
        throw new Error(`${vm_id}/${region_id}: permit ${permit} < plugged ${plugged_bytes}`);
      }
    }
    const granted = grantedBytes(this.state);
    if (truth > granted) throw new Error(`book ${granted} below plugged ${truth}`);
    const counted = countGranted(this.state);
    checkTiers(this.state, counted, (vm_id, region_id) => this.truth.leastOf(vm_id, region_id));
    if (totalBytes(counted) !== granted) {
      throw new Error(`the book says ${granted}, its rows ${totalBytes(counted)}`);
    }
  }

  /** Lets time pass, with every wake on the way. */
  advance(ms: number, budget = new StepBudget()): void {
    const end_ms = this.now_ms + ms;
    for (;;) {
      const wake_ms = this.wake_ms;
      if (wake_ms === null || wake_ms > end_ms) break;
      budget.spend(`woken for ${wake_ms} ms`);
      this.now_ms = Math.max(this.now_ms, wake_ms);
      this.send({ type: 'tick' });
    }
    this.now_ms = end_ms;
  }

  /** Completes the pending action at `index` (modulo), as `fault` says. */
  complete(index: number, fault: Fault = 'none'): void {
    const [action] = this.pending.splice(index % Math.max(1, this.pending.length), 1);
    if (!action) return;
    this.now_ms += 1;
    for (const event of this.#outcome(action, fault)) this.send(event);
  }

  #outcome(action: Pending, fault: Fault): HostEvent[] {
    const vm_id = this.#vmOf(action);
    const failure = refusalFor(fault);
    if (action.type === 'shutdown-vm') {
      if (fault === 'undead') return [{ type: 'vm-undead', vm_id, reason: fault }];
      return [{ type: 'vm-gone', vm_id }];
    }
    if (fault === 'vm-dies') return [{ type: 'vm-failed', vm_id, failure }];
    if (action.type === 'resize-region') {
      const result = this.truth.end(action.order, fault, this.now_ms);
      return [{ type: 'resized', vm_id, operation_id: action.order.id, result }];
    }
    if (action.type === 'prepare-region') {
      const ready_bytes = fault === 'none' ? action.bytes : 0;
      return [{ type: 'region-prepared', vm_id, region_id: action.region_id, ready_bytes }];
    }
    if (action.type === 'launch-vm') {
      if (fault !== 'none') return [{ type: 'vm-failed', vm_id, failure }];
      const { mechanism } = action.spec;
      const sharing = mechanism === 'static' || hasFar(action.spec) ? 1 : this.regions_per_device;
      const devices = Array.from({ length: regionsPerVm(action.spec) }, (_, index) =>
        sharing === 1 ? `r${index}` : `d${Math.floor(index / sharing)}`,
      );
      return [readyEvent(vm_id, this.now_ms, devices, this.series_revision)];
    }
    if (action.type === 'adopt-vm') {
      if (fault !== 'none') return [{ type: 'vm-failed', vm_id, failure }];
      return [{ type: 'vm-adopted', vm_id, instances: this.#found(vm_id) }];
    }
    return instanceOutcome(action, fault, this.now_ms);
  }

  /** What a guest knows after a restart; a part of it ended meanwhile, or is of nobody. */
  #found(vm_id: string): FoundInstance[] {
    const { instances = [] } = this.state.vms.get(vm_id) ?? {};
    const stranger = { instance_id: 'i-stranger', is_alive: true };
    const found = instances.map(({ id }, at) => {
      return { instance_id: id, is_alive: (at + this.now_ms) % 5 !== 0 };
    });
    return [...found, stranger];
  }

  /** The agent is killed, and another one goes on with its state: what was asked for is unknown. */
  restart(): void {
    this.pending = [];
    this.wake_ms = null;
    this.truth.forgetAsked();
    this.send({ type: 'restarted' });
  }

  /** The guest tells what is used of the held region at `index` (modulo), as a share of it. */
  use(index: number, share: number): void {
    const held = [...this.state.vms.values()].flatMap((vm) =>
      vm.regions.filter(({ holder }) => holder !== null).map((region) => ({ vm, region })),
    );
    const found = held[index % Math.max(1, held.length)];
    if (!found) return;
    const { vm, region } = found;
    const used_bytes = Math.floor(region.plugged_bytes * share);
    // One in two tells its tail, true or not, and one in three that it waits.
    const told = index % 2 === 0 ? {} : { free_tail_bytes: region.plugged_bytes * (1 - share / 2) };
    const want_bytes = index % 3 === 0 ? 4096 : 0;
    const regions = [{ region_id: region.id, used_bytes, want_bytes, ...told }];
    this.send({ type: 'usage', vm_id: vm.id, regions });
  }

  setTargets(name: string, values: Partial<TargetValues>, for_ms: number | null = null): string {
    const request_id = this.request();
    const about = { for_ms, author: 'test', reason: '', revision: null };
    const all = { ...NO_VALUES, ...values };
    this.send({ type: 'set-targets', request_id, function: name, values: all, ...about });
    return request_id;
  }

  /** Null: it is open again. */
  cordon(wanted: 'cordon' | 'drain' | null, reason = 'new firmware'): string {
    const request_id = this.request();
    const who = { request_id, author: 'ada', reason };
    const since = '2026-01-01T00:00:00.000Z';
    if (wanted === null) this.send({ type: 'uncordon', ...who });
    else this.send({ type: 'cordon', ...who, drain: wanted === 'drain', since });
    return request_id;
  }

  /** The host says what it has; null: nothing any more. What VMs hold is what is plugged. */
  hostMemory(available_bytes: number | null, waits_percent = 0): void {
    const psi = { some_percent: waits_percent, full_percent: waits_percent / 2 };
    let resident_bytes = 0;
    for (const { boot_permit } of this.state.vms.values()) resident_bytes += boot_permit.host;
    for (const { plugged_bytes } of this.truth.regions()) resident_bytes += plugged_bytes;
    const told = available_bytes === null ? null : { available_bytes, resident_bytes, ...psi };
    this.send({ type: 'host-memory', told });
  }

  /** The guest of the running VM at `index` (modulo) falls silent, or answers again. */
  health(index: number, responsive: boolean): void {
    const running = [...this.state.vms.values()].filter(({ phase }) => phase === 'running');
    const vm = running[index % Math.max(1, running.length)];
    if (vm) this.send({ type: 'vm-health', vm_id: vm.id, responsive });
  }

  /** Everything pending and everything that follows succeeds, waits included. */
  quiesce(): void {
    const budget = new StepBudget();
    for (;;) {
      const [action] = this.pending;
      if (action) {
        budget.spend(action.type);
        this.complete(0);
      } else if (this.wake_ms !== null && !this.#onlyTriesAgain()) {
        this.advance(Math.max(0, this.wake_ms - this.now_ms), budget);
      } else return;
    }
  }

  /** Nothing is left but functions for whose VM there is no room, however often they try. */
  #onlyTriesAgain(): boolean {
    const waiting = [...this.state.functions.values()].filter((fn) => fn.wake_at_ms !== null);
    return waiting.every(
      ({ phase, comeback }) => phase === 'lost' && (comeback?.failures ?? 0) > 8,
    );
  }

  deploy(
    name: string,
    mechanism: MechanismName = 'virtio-mem',
    part: Partial<FunctionSpec> = {},
  ): string {
    const request_id = this.request();
    this.send({ type: 'deploy', request_id, spec: specOf(name, { mechanism, ...part }) });
    return request_id;
  }

  /** Deploys what is there as something else, with what `part` says and no more. */
  update(name: string, part: Partial<FunctionSpec>, dry_run = false): string {
    const request_id = this.request();
    const spec = { ...(this.state.functions.get(name)?.spec ?? specOf(name)), ...part };
    this.send({ type: 'deploy', request_id, spec, update: true, dry_run });
    return request_id;
  }

  invoke(name: string): string {
    const request_id = this.request();
    this.send({ type: 'invoke', request_id, function: name, invocation_id: 'x', timeout_ms: null });
    return request_id;
  }

  drain(name: string): string {
    const request_id = this.request();
    this.send({ type: 'drain', request_id, function: name });
    return request_id;
  }

  remove(name: string, drain_ms = 10_000): string {
    const request_id = this.request();
    this.send({ type: 'remove', request_id, function: name, drain_ms });
    return request_id;
  }

  cancel(name: string, request_id: string): void {
    this.send({ type: 'cancel', request_id, function: name });
  }

  reply(request_id: string): Reply | undefined {
    const list = this.replies.get(request_id) ?? [];
    if (list.length > 1) throw new Error(`${request_id} was answered ${list.length} times`);
    return list[0];
  }

  pendingTypes(): string[] {
    return this.pending.map((one) =>
      one.type === 'resize-region' ? `${one.order.kind} ${one.order.region_id}` : one.type,
    );
  }
}

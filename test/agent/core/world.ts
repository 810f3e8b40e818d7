/**
 * A host in which everything the core asks for happens, at a time and with an outcome chosen by
 * the test. It keeps the truth (what is really plugged and running) beside the core's book.
 */
import { LIMITS } from '../../../base/limits.ts';
import { MIB } from '../../../base/units.ts';
import type { Action, Reply } from '../../../agent/model/actions.ts';
import type { HostEvent, StartStamps } from '../../../agent/model/events.ts';
import { grantedBytes } from '../../../agent/core/permits.ts';
import type { FunctionSpec } from '../../../agent/model/spec.ts';
import type { MechanismName } from '../../../agent/model/mechanism.ts';
import { emptyHost, type HostState } from '../../../agent/model/state.ts';
import { step } from '../../../agent/core/step.ts';

export const WORK = { anonymous_bytes: MIB, file_bytes: 0, cpu_ms: 1, wall_ms: 1 };

export function specOf(name: string, part: Partial<FunctionSpec> = {}): FunctionSpec {
  return {
    name,
    mechanism: 'virtio-mem',
    limit_bytes: 128 * MIB,
    concurrency: 2,
    vcpus: 1,
    boot_bytes: 256 * MIB,
    keep_alive_ms: 1_000,
    argv: [],
    backing: 'anonymous',
    init_on_alloc: false,
    guest_huge_pages: false,
    ...part,
  };
}

const startedAt = (now_ms: number): StartStamps => ({
  created_at_ms: now_ms,
  sandbox_at_ms: now_ms,
  attached_at_ms: now_ms,
  ready_at_ms: now_ms,
});

export type Fault =
  | 'none'
  | 'refuse'
  | 'partial'
  | 'fail'
  | 'vm-dies'
  | 'instance-exits'
  | 'undead';

type Pending = Exclude<Action, { type: 'reply' | 'wake' | 'report' | 'record-refusal' }>;

export class World {
  state: HostState;
  now_ms = 0;
  readonly replies = new Map<string, Reply[]>();
  readonly reports: string[] = [];
  readonly actions: Action[] = [];
  pending: Pending[] = [];
  wake_ms: number | null = null;
  /** What is really plugged, by `vm/region`. */
  readonly plugged = new Map<string, number>();
  /** What the VMM was last told, by `vm/region`. */
  readonly target = new Map<string, number>();
  readonly running = new Set<string>();
  #next_request = 1;

  constructor(limit_bytes: number) {
    this.state = emptyHost(limit_bytes);
  }

  request(): string {
    this.#next_request += 1;
    return `q${this.#next_request}`;
  }

  send(event: HostEvent): Action[] {
    if (event.type === 'vm-gone') this.#forget(event.vm_id);
    const { state, actions } = step(this.state, event, this.now_ms);
    this.state = state;
    this.wake_ms = null;
    for (const action of actions) this.#take(action);
    this.#check();
    return [...actions];
  }

  #forget(vm_id: string): void {
    for (const map of [this.plugged, this.target]) {
      for (const key of map.keys()) if (key.startsWith(`${vm_id}/`)) map.delete(key);
    }
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
    } else if (action.type !== 'record-refusal') {
      if (action.type === 'resize-region') {
        const key = `${action.order.vm_id}/${action.order.region_id}`;
        this.target.set(key, action.order.bytes);
        // The worst the guest can do at once: plug all it was offered.
        if (action.order.kind === 'plug') this.plugged.set(key, action.order.bytes);
      }
      this.pending.push(action);
    }
  }

  /** The book is an upper bound of the truth, region by region and in sum. */
  #check(): void {
    let truth = 0;
    for (const [key, bytes] of this.plugged) {
      truth += bytes;
      const [vm_id, region_id] = key.split('/');
      const fn = [...this.state.functions.values()].find((one) => one.vm_id === vm_id);
      const permit = fn?.regions.find((one) => one.id === region_id)?.permit_bytes ?? -1;
      if (permit < bytes) throw new Error(`${key}: permit ${permit} < plugged ${bytes}`);
    }
    const granted = grantedBytes(this.state);
    if (truth > granted) throw new Error(`book ${granted} below plugged ${truth}`);
    if (granted > this.state.limit_bytes) throw new Error('book above the host limit');
  }

  /** Lets time pass, with every wake on the way. */
  advance(ms: number): void {
    const end_ms = this.now_ms + ms;
    for (let count = 0; count < 10_000; count += 1) {
      const wake_ms = this.wake_ms;
      if (wake_ms === null || wake_ms > end_ms) break;
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
    const failure = {
      code: `HP_TEST_${fault.toUpperCase()}`,
      category: 'failure',
      message: fault,
      next: '',
      details: {},
    } as const;
    if (action.type === 'shutdown-vm') {
      if (fault === 'undead') return [{ type: 'vm-undead', vm_id, reason: fault }];
      return [{ type: 'vm-gone', vm_id }];
    }
    if (fault === 'vm-dies') return [{ type: 'vm-failed', vm_id, failure }];
    if (action.type === 'resize-region') return [this.#resize(action.order, fault)];
    if (action.type === 'launch-vm') {
      if (fault !== 'none') return [{ type: 'vm-failed', vm_id, failure }];
      const facts = {
        guest_kernel: '6.12',
        vmm: 'fake',
        accelerator: 'tcg',
        vmm_path: '',
        vmm_pid: 1,
        vmm_command: [],
        kernel_variant: '',
        kernel_key: '',
        series_revision: '',
        rootfs_key: '',
      };
      return [{ type: 'vm-ready', vm_id, launched_at_ms: this.now_ms, facts }];
    }
    return this.#instanceOutcome(action, fault);
  }

  #instanceOutcome(action: Extract<Pending, { instance_id: string }>, fault: Fault): HostEvent[] {
    const { vm_id, instance_id } = action;
    const failure = {
      code: 'T',
      category: 'failure',
      message: fault,
      next: '',
      details: {},
    } as const;
    const exit = {
      type: 'instance-exited',
      vm_id,
      instance_id,
      reason: 'oom',
      status: null,
      signal: 9,
    } as const;
    if (action.type === 'start-instance') {
      if (fault !== 'none') {
        return [{ type: 'instance-start-failed', vm_id, instance_id, failure }];
      }
      this.running.add(instance_id);
      return [{ type: 'instance-started', vm_id, instance_id, stamps: startedAt(this.now_ms) }];
    }
    if (action.type === 'stop-instance') {
      if (fault !== 'none')
        return [{ type: 'instance-stop-failed', vm_id, instance_id, reason: fault }];
      this.running.delete(instance_id);
      return [{ type: 'instance-stopped', vm_id, instance_id, gone_at_ms: this.now_ms }];
    }
    const { request_id } = action;
    const failed: HostEvent = {
      type: 'invocation-failed',
      vm_id,
      instance_id,
      request_id,
      failure,
    };
    if (fault === 'instance-exits') return [exit, failed];
    if (fault !== 'none') return [failed];
    const result = {
      first_byte_at_ms: this.now_ms,
      finished_at_ms: this.now_ms,
      guest_wall_ms: 1,
      guest_cpu_ms: 1,
      guest_touch_cpu_ms: 0.5,
      anonymous_bytes: MIB,
      minor_faults: 1,
    };
    return [{ type: 'invocation-finished', vm_id, instance_id, request_id, result }];
  }

  #resize(order: Extract<Pending, { type: 'resize-region' }>['order'], fault: Fault): HostEvent {
    const key = `${order.vm_id}/${order.region_id}`;
    const outcome = (
      { none: 'done', refuse: 'refused', partial: 'partial', fail: 'failed' } as const
    )[fault === 'vm-dies' || fault === 'instance-exits' || fault === 'undead' ? 'fail' : fault];
    const offered = this.plugged.get(key) ?? 0;
    // Seen in the middle of a plug that goes on: the old target stands, the truth may reach it.
    const seen = Math.min(offered, 64 * MIB);
    let plugged_bytes = order.bytes;
    if (outcome === 'partial') plugged_bytes = 64 * MIB;
    if (outcome === 'refused') plugged_bytes = order.kind === 'plug' ? 0 : seen;
    const accepted = outcome !== 'refused' && outcome !== 'failed';
    const shrinks = order.kind === 'unplug' && accepted;
    if (outcome === 'failed') plugged_bytes = seen;
    // A failed plug is no promise: the target stands, so the truth may still grow to it.
    if (order.kind === 'plug') this.plugged.set(key, order.bytes);
    if (shrinks) this.plugged.set(key, plugged_bytes);
    const result = {
      outcome,
      accepted,
      plugged_bytes,
      plugged_at_ms: outcome === 'done' ? this.now_ms : null,
      error_code: outcome === 'done' ? null : 'HP_TEST_RESIZE',
      reason: outcome === 'done' ? null : fault,
    };
    return { type: 'resized', vm_id: order.vm_id, operation_id: order.id, result };
  }

  /** Everything pending and everything that follows succeeds, waits included. */
  quiesce(): void {
    for (let count = 0; count < LIMITS.invocations_queued_per_function; count += 1) {
      if (this.pending.length > 0) this.complete(0);
      else if (this.wake_ms !== null) this.advance(Math.max(0, this.wake_ms - this.now_ms));
      else return;
    }
    throw new Error('the host never became quiet');
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

  invoke(name: string): string {
    const request_id = this.request();
    this.send({ type: 'invoke', request_id, function: name, invocation_id: 'x', work: WORK });
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

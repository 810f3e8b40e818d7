/**
 * A host in virtual time: the agent's own core, every action of which is answered after the time
 * that a model says. Events wait in a heap, and steps follow each other without a promise. What it
 * decides is what the agent would. Pure.
 */
import { assert } from '../../base/assert.ts';
import { MIB } from '../../base/units.ts';
import type { Policy } from '../../agent/core/policy.ts';
import { step } from '../../agent/core/step.ts';
import type { Action, Reply } from '../../agent/model/actions.ts';
import type { HostEvent } from '../../agent/model/events.ts';
import { BASELINE, STOCK } from '../../agent/model/mechanism.ts';
import type { PoolSpec } from '../../agent/model/pool-spec.ts';
import { type FunctionSpec, PLAIN_SPEC } from '../../agent/model/spec.ts';
import type { HostState } from '../../agent/model/state.ts';
import { EventHeap } from './event-heap.ts';
import { resizeMs } from './mechanism-models.ts';
import { readyMs, type SimCosts, type SimFunction } from './workload.ts';

/** What a VM takes beside its regions; not counted. */
export const SIM_BOOT_BYTES = 64 * MIB;

const VM_FACTS = {
  guest_kernel: 'simulated',
  vmm: 'simulated',
  accelerator: 'simulated',
  vmm_path: null,
  vmm_pid: 1,
  vmm_command: [],
  kernel_variant: null,
  kernel_key: null,
  series_revision: null,
  rootfs_key: null,
};

/** Whoever plays calls on it. */
export interface VirtualHostParts {
  readonly costs: SimCosts;
  readonly policy: Policy;
  /** With nothing deployed yet. */
  readonly state: HostState;
  /** How long a call runs, once an instance has it. */
  readonly durationMs: (request_id: string) => number;
  /** Told within a step: what follows of it is for {@link VirtualHost.later}. */
  readonly onReply: (request_id: string, reply: Reply, now_ms: number) => void;
  /** Told before each event. */
  readonly onStep?: (now_ms: number) => void;
  /** Told after an event: so much more, or less, is granted to regions. */
  readonly onGranted: (now_ms: number, more_bytes: number) => void;
  /** An instance is started in the last region of its VM. */
  readonly onFull?: (spec: FunctionSpec) => void;
}

/** How a function is deployed. */
export interface DeployedAs {
  readonly keep_alive_ms: number;
  readonly pool: PoolSpec | null;
  readonly concurrency: number;
}

export class VirtualHost {
  readonly #parts: VirtualHostParts;
  readonly #heap = new EventHeap();
  readonly #coming: (HostEvent | null)[] = [];
  readonly #free: number[] = [];
  readonly #context: { readonly policy: Policy; readonly recording: boolean };
  #state: HostState;
  #boot_bytes = 0;
  #wake_ms = Number.POSITIVE_INFINITY;
  starts = 0;
  stops = 0;
  events = 0;

  constructor(parts: VirtualHostParts) {
    this.#parts = parts;
    this.#state = parts.state;
    this.#context = { policy: parts.policy, recording: false };
  }

  get state(): HostState {
    return this.#state;
  }

  deploy({ name, limit_bytes }: SimFunction, { concurrency, ...as }: DeployedAs): void {
    const { mechanism } = this.#parts.costs;
    this.send(0, {
      type: 'deploy',
      request_id: `deploy ${name}`,
      spec: {
        name,
        mechanism: mechanism.gives_back ? STOCK : BASELINE,
        limit_bytes,
        concurrency,
        vcpus: 1,
        boot_bytes: SIM_BOOT_BYTES,
        ...PLAIN_SPEC,
        ...as,
      },
    });
    this.until(0);
  }

  /** Everything that comes before an arrival at `now_ms`; what is due by time comes after it. */
  until(now_ms: number): void {
    for (;;) {
      const event_ms = this.#heap.next_ms;
      if (event_ms <= now_ms && event_ms <= this.#wake_ms && event_ms < Infinity) {
        const index = this.#heap.pop();
        const event = this.#coming[index];
        this.#coming[index] = null;
        this.#free.push(index);
        assert(event, 'what is to come is there');
        this.send(event_ms, event);
      } else if (this.#wake_ms < now_ms) this.send(this.#wake_ms, { type: 'tick' });
      else return;
    }
  }

  /** It happens now. */
  send(now_ms: number, event: HostEvent): void {
    const { onStep, onGranted } = this.#parts;
    this.events += 1;
    onStep?.(now_ms);
    const before = this.#state.granted.host;
    const { state, actions } = step(this.#state, event, now_ms, this.#context);
    this.#state = state;
    this.#wake_ms = Number.POSITIVE_INFINITY;
    for (const action of actions) this.#take(now_ms, action);
    const changed = state.granted.host - before - this.#boot_bytes;
    this.#boot_bytes = 0;
    if (changed !== 0) onGranted(now_ms, changed);
  }

  /** It will happen then, after whatever was to happen in that moment already. */
  later(at_ms: number, event: HostEvent): void {
    const index = this.#free.pop() ?? this.#coming.length;
    this.#coming[index] = event;
    this.#heap.push(at_ms, index);
  }

  #take(now_ms: number, action: Action): void {
    switch (action.type) {
      case 'wake':
        this.#wake_ms = action.at_ms;
        return;
      case 'reply':
        return this.#parts.onReply(action.request_id, action.reply, now_ms);
      case 'launch-vm':
        this.#boot_bytes += SIM_BOOT_BYTES;
        return this.later(now_ms, {
          type: 'vm-ready',
          vm_id: action.vm_id,
          launched_at_ms: now_ms,
          facts: VM_FACTS,
        });
      case 'resize-region':
        return this.#resize(now_ms, action.order);
      case 'start-instance':
        return this.#start(now_ms, action);
      case 'stop-instance': {
        const { vm_id, instance_id } = action;
        this.stops += 1;
        const at_ms = now_ms + this.#parts.costs.stop_ms;
        return this.later(at_ms, {
          type: 'instance-stopped',
          vm_id,
          instance_id,
          gone_at_ms: at_ms,
        });
      }
      case 'invoke-instance':
        return this.#run(now_ms, action);
      default:
    }
  }

  #resize(now_ms: number, order: Extract<Action, { type: 'resize-region' }>['order']): void {
    const { mechanism } = this.#parts.costs;
    const is_plug = order.kind === 'plug';
    const fills = !mechanism.gives_back;
    const bytes = Math.abs(order.to_bytes - order.from_bytes);
    const took_ms = resizeMs(is_plug ? mechanism.plug : mechanism.unplug, bytes);
    // What was plugged ahead is asked for again, and is there.
    const at_ms = now_ms + (fills || bytes === 0 ? 0 : took_ms);
    this.later(at_ms, {
      type: 'resized',
      vm_id: order.vm_id,
      operation_id: order.id,
      result: {
        outcome: 'done',
        accepted: true,
        plugged_bytes: order.to_bytes,
        plugged_at_ms: at_ms,
        error_code: null,
        reason: null,
      },
    });
  }

  #start(now_ms: number, action: Extract<Action, { type: 'start-instance' }>): void {
    this.starts += 1;
    const { vm_id, instance_id, operation_id, region_index, spec } = action;
    if (region_index === spec.concurrency - 1) this.#parts.onFull?.(spec);
    const plug = operation_id === null ? undefined : this.#state.operations.get(operation_id);
    const bytes = plug ? plug.to_bytes - plug.from_bytes : 0;
    const { costs } = this.#parts;
    // Without a plug its memory is there: nothing moves, or it was plugged ahead.
    const at_ms = now_ms + (bytes > 0 ? readyMs(costs, bytes) : costs.start_ms);
    const stamps = {
      created_at_ms: now_ms,
      sandbox_at_ms: at_ms,
      attached_at_ms: at_ms,
      ready_at_ms: at_ms,
    };
    this.later(at_ms, { type: 'instance-started', vm_id, instance_id, stamps });
  }

  #run(now_ms: number, action: Extract<Action, { type: 'invoke-instance' }>): void {
    const { vm_id, instance_id, request_id } = action;
    const wall_ms = this.#parts.durationMs(request_id);
    const at_ms = now_ms + wall_ms;
    const result = {
      first_byte_at_ms: now_ms,
      finished_at_ms: at_ms,
      guest_wall_ms: wall_ms,
      guest_cpu_ms: 0,
      guest_touch_cpu_ms: null,
      anonymous_bytes: 0,
      minor_faults: 0,
      function_error: null,
    };
    const type = 'invocation-finished' as const;
    this.later(at_ms, { type, vm_id, instance_id, request_id, result });
  }
}

/**
 * Reference engine: the agent's own core in virtual time. Every action is answered after the time
 * that the model says, events wait in a heap, and steps follow each other without a promise. What
 * it decides is what the agent would. Pure.
 */
import { assert } from '../../base/assert.ts';
import { MIB } from '../../base/units.ts';
import type { Policy } from '../../agent/core/policy.ts';
import { step } from '../../agent/core/step.ts';
import type { Action } from '../../agent/model/actions.ts';
import type { HostEvent } from '../../agent/model/events.ts';
import { BASELINE, STOCK } from '../../agent/model/mechanism.ts';
import { NO_QUEUE } from '../../agent/model/operation-queue.ts';
import { DEFAULT_POOL, POOL_POLICY_NAME, type PoolSpec } from '../../agent/model/pool-spec.ts';
import { type FunctionSpec, PLAIN_SPEC } from '../../agent/model/spec.ts';
import { emptyHost, type HostState } from '../../agent/model/state.ts';
import { constantTable } from './table-policies.ts';
import { EventHeap } from './event-heap.ts';
import { playFast } from './fast-engine.ts';
import { WIDE_HOST } from './host-model.ts';
import { MemoryAccount } from '../results/memory-account.ts';
import { resizeMs } from './mechanism-models.ts';
import { OUTCOME, type Played, type ReadyTally } from './outcome.ts';
import { readyOf } from './ready.ts';
import { readyMs, type SimCosts, type SimFunction, type SimWorkload } from './workload.ts';

export interface ReferenceOptions {
  readonly policy: Policy;
  /** Of every function, for policies that go by it. */
  readonly keep_alive_ms: number;
  /** Of every function, for the policy of that name; absent: as it is by default. */
  readonly pool?: PoolSpec;
  /** For regions; what VMs take besides is not counted. */
  readonly limit_bytes: number;
  /** Without memory for a start: it is refused at once, or waits as it does in the agent. */
  readonly when_short?: 'refuse' | 'wait';
}

const BOOT_BYTES = 64 * MIB;
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

export function playReference(
  workload: SimWorkload,
  costs: SimCosts,
  options: ReferenceOptions,
): Played {
  let regions = likelyRegions(workload, costs, options);
  for (;;) {
    const engine = new ReferenceEngine(workload, costs, options, regions);
    const played = engine.play();
    if (engine.outgrown.size === 0) return played;
    regions = regions.map((count, fn) => (engine.outgrown.has(fn) ? 4 * count : count));
  }
}

/**
 * A step of the core costs by the regions of its VM, and few functions need all that they may have.
 * So each has one more than it is likely to need; where the last one is taken, the run is made
 * again with more: what is decided does not depend on regions that are never taken.
 */
function likelyRegions(
  workload: SimWorkload,
  costs: SimCosts,
  { keep_alive_ms, limit_bytes }: ReferenceOptions,
): number[] {
  const table = constantTable('likely', workload.functions.length, keep_alive_ms);
  const { peak_instances } = playFast(workload, costs, table, { ...WIDE_HOST, limit_bytes });
  return workload.functions.map(({ concurrency }, fn) =>
    Math.min(concurrency, (peak_instances?.[fn] ?? 0) + 1),
  );
}

class ReferenceEngine {
  readonly #workload: SimWorkload;
  readonly #costs: SimCosts;
  readonly #options: ReferenceOptions;
  readonly #heap = new EventHeap();
  readonly #coming: (HostEvent | null)[] = [];
  readonly #free: number[] = [];
  readonly #account: MemoryAccount;
  readonly #outcomes: Uint8Array;
  readonly #waits_ms: Float64Array;
  readonly #regions: readonly number[];
  readonly #index_of: ReadonlyMap<string, number>;
  readonly #context: { readonly policy: Policy; readonly recording: boolean };
  #state: HostState;
  #boot_bytes = 0;
  #wake_ms = Number.POSITIVE_INFINITY;
  #starts = 0;
  #stops = 0;
  #events = 0;
  #busy_byte_ms = 0;
  /** At the end of the window; null: it is not over. */
  #ready: ReadyTally | null = null;
  /** Functions whose last region was taken, though they may have more. */
  readonly outgrown = new Set<number>();

  constructor(
    workload: SimWorkload,
    costs: SimCosts,
    options: ReferenceOptions,
    regions: readonly number[],
  ) {
    this.#regions = regions;
    this.#index_of = new Map(workload.functions.map(({ name }, index) => [name, index]));
    const { functions, invocations, window_ms } = workload;
    this.#workload = workload;
    this.#costs = costs;
    this.#options = options;
    this.#account = new MemoryAccount(window_ms);
    this.#outcomes = new Uint8Array(invocations.length);
    this.#waits_ms = new Float64Array(invocations.length).fill(Number.NaN);
    this.#context = { policy: options.policy, recording: false };
    const boot_bytes = functions.length * BOOT_BYTES;
    const limit_bytes = Math.min(options.limit_bytes, Number.MAX_SAFE_INTEGER - boot_bytes);
    this.#state = emptyHost(limit_bytes + boot_bytes, 1, {
      vms_max: functions.length,
      queue_length_max: Number.MAX_SAFE_INTEGER,
      queued_ms: Number.MAX_SAFE_INTEGER,
      // As the fast engine has it: nothing holds anything up.
      queue: NO_QUEUE,
      ...(options.when_short === 'wait' ? {} : { memory_wait_ms: 0 }),
    });
  }

  play(): Played {
    for (const [fn, one] of this.#workload.functions.entries()) this.#deploy(one, fn);
    const { arrival_ms, function_index, length } = this.#workload.invocations;
    for (let at = 0; at < length; at += 1) {
      const now_ms = arrival_ms[at] ?? 0;
      this.#until(now_ms);
      const request_id = String(at);
      this.#send(now_ms, {
        type: 'invoke',
        request_id,
        function: this.#workload.functions[function_index[at] ?? 0]?.name ?? '',
        invocation_id: request_id,
        timeout_ms: null,
      });
    }
    this.#until(Number.POSITIVE_INFINITY);
    return {
      outcomes: this.#outcomes,
      waits_ms: this.#waits_ms,
      slowed_ms: null,
      starts: this.#starts,
      stops: this.#stops,
      evictions: 0,
      events: this.#events,
      committed: this.#account,
      busy_byte_ms: this.#busy_byte_ms,
      peak_instances: null,
      ready: this.#ready ?? readyOf(this.#state, this.#workload.window_ms),
    };
  }

  #deploy({ name, limit_bytes, concurrency }: SimFunction, fn: number): void {
    const { mechanism } = this.#costs;
    const { policy, pool = DEFAULT_POOL } = this.#options;
    this.#send(0, {
      type: 'deploy',
      request_id: `deploy ${name}`,
      spec: {
        name,
        mechanism: mechanism.gives_back ? STOCK : BASELINE,
        limit_bytes,
        concurrency: Math.min(concurrency, this.#regions[fn] ?? concurrency),
        vcpus: 1,
        boot_bytes: BOOT_BYTES,
        keep_alive_ms: this.#options.keep_alive_ms,
        ...PLAIN_SPEC,
        pool: policy.name === POOL_POLICY_NAME ? pool : null,
      },
    });
    this.#until(0);
  }

  /** Everything that comes before an arrival at `now_ms`; what is due by time comes after it. */
  #until(now_ms: number): void {
    for (;;) {
      const event_ms = this.#heap.next_ms;
      if (event_ms <= now_ms && event_ms <= this.#wake_ms && event_ms < Infinity) {
        const index = this.#heap.pop();
        const event = this.#coming[index];
        this.#coming[index] = null;
        this.#free.push(index);
        assert(event, 'what is to come is there');
        this.#send(event_ms, event);
      } else if (this.#wake_ms < now_ms) this.#send(this.#wake_ms, { type: 'tick' });
      else return;
    }
  }

  #send(now_ms: number, event: HostEvent): void {
    this.#events += 1;
    const { window_ms } = this.#workload;
    if (now_ms > window_ms) this.#ready ??= readyOf(this.#state, window_ms);
    const before = this.#state.granted.host;
    const { state, actions } = step(this.#state, event, now_ms, this.#context);
    this.#state = state;
    this.#wake_ms = Number.POSITIVE_INFINITY;
    for (const action of actions) this.#take(now_ms, action);
    const changed = state.granted.host - before - this.#boot_bytes;
    this.#boot_bytes = 0;
    if (changed !== 0) this.#account.add(now_ms, changed);
  }

  #take(now_ms: number, action: Action): void {
    switch (action.type) {
      case 'wake':
        this.#wake_ms = action.at_ms;
        return;
      case 'reply':
        return this.#note(action);
      case 'launch-vm':
        this.#boot_bytes += BOOT_BYTES;
        return this.#later(now_ms, {
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
        this.#stops += 1;
        const at_ms = now_ms + this.#costs.stop_ms;
        return this.#later(at_ms, {
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
    const { mechanism } = this.#costs;
    const is_plug = order.kind === 'plug';
    const fills = !mechanism.gives_back;
    const bytes = Math.abs(order.to_bytes - order.from_bytes);
    const took_ms = resizeMs(is_plug ? mechanism.plug : mechanism.unplug, bytes);
    // What was plugged ahead is asked for again, and is there.
    const at_ms = now_ms + (fills || bytes === 0 ? 0 : took_ms);
    this.#later(at_ms, {
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
    this.#starts += 1;
    const { vm_id, instance_id, operation_id, region_index, spec } = action;
    if (region_index === spec.concurrency - 1) this.#noteFull(spec);
    const plug = operation_id === null ? undefined : this.#state.operations.get(operation_id);
    const bytes = plug ? plug.to_bytes - plug.from_bytes : 0;
    // Without a plug its memory is there: nothing moves, or it was plugged ahead.
    const took_ms = bytes > 0 ? readyMs(this.#costs, bytes) : this.#costs.start_ms;
    const at_ms = now_ms + took_ms;
    const stamps = {
      created_at_ms: now_ms,
      sandbox_at_ms: at_ms,
      attached_at_ms: at_ms,
      ready_at_ms: at_ms,
    };
    this.#later(at_ms, { type: 'instance-started', vm_id, instance_id, stamps });
  }

  /** Regions are taken from the first on: with the last one a VM may be full. */
  #noteFull({ name, concurrency }: FunctionSpec): void {
    const fn = this.#index_of.get(name) ?? 0;
    if (concurrency < (this.#workload.functions[fn]?.concurrency ?? 0)) this.outgrown.add(fn);
  }

  #run(now_ms: number, action: Extract<Action, { type: 'invoke-instance' }>): void {
    const { vm_id, instance_id, request_id } = action;
    const wall_ms = this.#workload.invocations.duration_ms[Number(request_id)] ?? 0;
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
    this.#later(at_ms, { type, vm_id, instance_id, request_id, result });
  }

  #note({ request_id, reply }: Extract<Action, { type: 'reply' }>): void {
    assert(reply.kind !== 'error', 'a simulated function can be deployed');
    if (reply.kind !== 'invoke') return;
    const at = Number(request_id);
    const { assigned_at_ms } = reply;
    if (assigned_at_ms === null) {
      this.#outcomes[at] = OUTCOME.refused;
      return;
    }
    const { arrival_ms, duration_ms, function_index } = this.#workload.invocations;
    this.#outcomes[at] = reply.cold ? OUTCOME.cold : OUTCOME.warm;
    this.#waits_ms[at] = assigned_at_ms - (arrival_ms[at] ?? 0);
    const one = this.#workload.functions[function_index[at] ?? 0];
    this.#busy_byte_ms += (duration_ms[at] ?? 0) * (one?.region_bytes ?? 0);
  }

  #later(at_ms: number, event: HostEvent): void {
    const index = this.#free.pop() ?? this.#coming.length;
    this.#coming[index] = event;
    this.#heap.push(at_ms, index);
  }
}

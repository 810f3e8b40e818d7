/**
 * Reference engine: a trace's invocations on a host in virtual time, decided by the agent's own
 * core. Pure.
 */
import { assert } from '../../base/assert.ts';
import type { Policy } from '../../agent/core/policy.ts';
import type { Reply } from '../../agent/model/actions.ts';
import { NO_QUEUE } from '../../agent/model/operation-queue.ts';
import { DEFAULT_POOL, POOL_POLICY_NAME, type PoolSpec } from '../../agent/model/pool-spec.ts';
import type { FunctionSpec } from '../../agent/model/spec.ts';
import { emptyHost } from '../../agent/model/state.ts';
import { constantTable } from './table-policies.ts';
import { playFast } from './fast-engine.ts';
import { WIDE_HOST } from './host-model.ts';
import { MemoryAccount } from '../results/memory-account.ts';
import { OUTCOME, type Played, type ReadyTally } from './outcome.ts';
import { readyOf } from './ready.ts';
import { ReadyWatch } from './ready-parts.ts';
import { SIM_BOOT_BYTES, VirtualHost } from './virtual-host.ts';
import type { SimCosts, SimWorkload } from './workload.ts';

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
  readonly #options: ReferenceOptions;
  readonly #account: MemoryAccount;
  readonly #outcomes: Uint8Array;
  readonly #waits_ms: Float64Array;
  readonly #regions: readonly number[];
  readonly #index_of: ReadonlyMap<string, number>;
  readonly #host: VirtualHost;
  readonly #watch: ReadyWatch;
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
    this.#options = options;
    this.#account = new MemoryAccount(window_ms);
    this.#watch = new ReadyWatch(window_ms);
    this.#outcomes = new Uint8Array(invocations.length);
    this.#waits_ms = new Float64Array(invocations.length).fill(Number.NaN);
    const boot_bytes = functions.length * SIM_BOOT_BYTES;
    const limit_bytes = Math.min(options.limit_bytes, Number.MAX_SAFE_INTEGER - boot_bytes);
    const state = emptyHost(limit_bytes + boot_bytes, 1, {
      vms_max: functions.length,
      queue_length_max: Number.MAX_SAFE_INTEGER,
      queued_ms: Number.MAX_SAFE_INTEGER,
      // As the fast engine has it: nothing holds anything up.
      queue: NO_QUEUE,
      ...(options.when_short === 'wait' ? {} : { memory_wait_ms: 0 }),
    });
    this.#host = new VirtualHost({
      costs,
      policy: options.policy,
      state,
      durationMs: (request_id) => invocations.duration_ms[Number(request_id)] ?? 0,
      onReply: (request_id, reply) => this.#note(request_id, reply),
      onStep: (now_ms) => this.#noteWindow(now_ms),
      onGranted: (now_ms, more_bytes) => this.#account.add(now_ms, more_bytes),
      onFull: (spec) => this.#noteFull(spec),
    });
  }

  play(): Played {
    const host = this.#host;
    const { policy, keep_alive_ms, pool = DEFAULT_POOL } = this.#options;
    for (const [fn, one] of this.#workload.functions.entries()) {
      host.deploy(one, {
        keep_alive_ms,
        pool: policy.name === POOL_POLICY_NAME ? pool : null,
        concurrency: Math.min(one.concurrency, this.#regions[fn] ?? one.concurrency),
      });
    }
    const { arrival_ms, function_index, length } = this.#workload.invocations;
    for (let at = 0; at < length; at += 1) {
      const now_ms = arrival_ms[at] ?? 0;
      host.until(now_ms);
      const request_id = String(at);
      host.send(now_ms, {
        type: 'invoke',
        request_id,
        function: this.#workload.functions[function_index[at] ?? 0]?.name ?? '',
        invocation_id: request_id,
        timeout_ms: null,
      });
    }
    host.until(Number.POSITIVE_INFINITY);
    const { starts, stops, events, state } = host;
    return {
      outcomes: this.#outcomes,
      waits_ms: this.#waits_ms,
      slowed_ms: null,
      starts,
      stops,
      evictions: 0,
      events,
      committed: this.#account,
      busy_byte_ms: this.#busy_byte_ms,
      peak_instances: null,
      ready: this.#ready ?? readyOf(state, this.#workload.window_ms),
      ready_parts: this.#watch.finish(state),
    };
  }

  #noteWindow(now_ms: number): void {
    const { window_ms } = this.#workload;
    this.#watch.until(now_ms, this.#host.state);
    if (now_ms > window_ms) this.#ready ??= readyOf(this.#host.state, window_ms);
  }

  /** Regions are taken from the first on: with the last one a VM may be full. */
  #noteFull({ name, concurrency }: FunctionSpec): void {
    const fn = this.#index_of.get(name) ?? 0;
    if (concurrency < (this.#workload.functions[fn]?.concurrency ?? 0)) this.outgrown.add(fn);
  }

  #note(request_id: string, reply: Reply): void {
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
}

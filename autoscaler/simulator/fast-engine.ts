/**
 * Fast engine: the rules of the agent's core for one VM a function, in columns instead of objects.
 * What it decides is what the reference engine decides (test/autoscaler/simulator/engines.test.ts).
 * Pure: the same workload, costs and policy give the same outcome.
 *
 * Order at one moment: ends and starts that are ready, then arrivals, then what is due by time.
 */
import { EventHeap } from './event-heap.ts';
import { MemoryAccount } from '../results/memory-account.ts';
import { resizeMs } from './mechanism-models.ts';
import { OUTCOME, type Played } from './outcome.ts';
import { IdleLists } from './idle-lists.ts';
import { InvocationQueues } from './invocation-queues.ts';
import { type HostModel, WIDE_HOST } from './host-model.ts';
import type { RunListener } from './run-recorder.ts';
import { SlowReclaim } from './slow-reclaim.ts';
import type { TablePolicy } from './table-policies.ts';
import { readyMs, type SimCosts, type SimWorkload } from './workload.ts';

const END = 0;
const READY = 1;
const GONE = 2;
const NONE = -1;

export function playFast(
  workload: SimWorkload,
  costs: SimCosts,
  policy: TablePolicy,
  host: HostModel = WIDE_HOST,
  listener: RunListener | null = null,
): Played {
  return new FastEngine(workload, costs, policy, host, listener).play();
}

class FastEngine {
  readonly #workload: SimWorkload;
  readonly #policy: TablePolicy;
  readonly #host: HostModel;
  readonly #heap = new EventHeap();
  readonly #alarms = new EventHeap();
  readonly #account: MemoryAccount;
  readonly #idle: IdleLists;
  /* by function */
  readonly #region_bytes: Float64Array;
  readonly #ready_ms: Float64Array;
  readonly #gone_ms: Float64Array;
  readonly #free: Int32Array;
  readonly #instances: Int32Array;
  readonly #peaks: Int32Array;
  readonly #starting: Int32Array;
  readonly #busy: Int32Array;
  readonly #last_end_ms: Float64Array;
  readonly #alarm_ms: Float64Array;
  readonly #is_hungry: Uint8Array;
  /* by invocation */
  readonly #queues: InvocationQueues;
  readonly #outcomes: Uint8Array;
  readonly #waits_ms: Float64Array;
  /** Functions that wait for memory, the longest first. */
  #hungry: number[] = [];
  #freeing_bytes = 0;
  #starts = 0;
  #stops = 0;
  #evictions = 0;
  #events = 0;
  #busy_byte_ms = 0;
  readonly #stop_ms: number;
  readonly #listener: RunListener | null;
  readonly #slow: SlowReclaim | null;
  readonly #slowed_ms: Float64Array | null;
  /** By slot: what runs there. */
  readonly #running: number[] = [];

  constructor(
    workload: SimWorkload,
    costs: SimCosts,
    policy: TablePolicy,
    host: HostModel,
    listener: RunListener | null,
  ) {
    const { functions, invocations } = workload;
    this.#listener = listener;
    const { neighbour_slowdown } = costs.mechanism;
    const count = functions.length;
    this.#slow = neighbour_slowdown ? new SlowReclaim(count, neighbour_slowdown) : null;
    this.#slowed_ms = this.#slow && new Float64Array(invocations.length);
    this.#workload = workload;
    this.#policy = policy;
    this.#host = host;
    this.#account = new MemoryAccount(workload.window_ms);
    this.#idle = new IdleLists(count, policy, functions, costs);
    this.#stop_ms = costs.stop_ms;
    this.#region_bytes = Float64Array.from(functions, (one) => one.region_bytes);
    this.#ready_ms = Float64Array.from(functions, (one) => readyMs(costs, one.region_bytes));
    this.#gone_ms = Float64Array.from(functions, (one) =>
      resizeMs(costs.mechanism.unplug, one.region_bytes),
    );
    this.#free = Int32Array.from(functions, (one) => one.concurrency);
    this.#instances = new Int32Array(count);
    this.#peaks = new Int32Array(count);
    this.#starting = new Int32Array(count);
    this.#busy = new Int32Array(count);
    this.#last_end_ms = new Float64Array(count).fill(Number.NaN);
    this.#alarm_ms = new Float64Array(count).fill(Number.POSITIVE_INFINITY);
    this.#is_hungry = new Uint8Array(count);
    this.#queues = new InvocationQueues(count, invocations.length);
    this.#outcomes = new Uint8Array(invocations.length);
    this.#waits_ms = new Float64Array(invocations.length).fill(Number.NaN);
  }

  play(): Played {
    const { function_index, arrival_ms, length } = this.#workload.invocations;
    const heap = this.#heap;
    const alarms = this.#alarms;
    for (let at = 0; at < length; at += 1) {
      const now_ms = arrival_ms[at] ?? 0;
      for (;;) {
        const event_ms = heap.next_ms;
        const alarm_ms = alarms.next_ms;
        if (event_ms <= now_ms && event_ms <= alarm_ms) this.#event(event_ms);
        else if (alarm_ms < now_ms) this.#alarm(alarm_ms);
        else break;
      }
      this.#arrive(function_index[at] ?? 0, at, now_ms);
    }
    while (heap.length + alarms.length > 0) {
      if (heap.next_ms <= alarms.next_ms) this.#event(heap.next_ms);
      else this.#alarm(alarms.next_ms);
    }
    return {
      outcomes: this.#outcomes,
      waits_ms: this.#waits_ms,
      slowed_ms: this.#slowed_ms,
      starts: this.#starts,
      stops: this.#stops,
      evictions: this.#evictions,
      events: this.#events,
      committed: this.#account,
      busy_byte_ms: this.#busy_byte_ms,
      peak_instances: this.#peaks,
    };
  }

  #arrive(fn: number, invocation: number, now_ms: number): void {
    this.#events += 1;
    const is_working = (this.#busy[fn] ?? 0) + this.#queues.count(fn) > 0;
    this.#policy.arrived?.(fn, now_ms, is_working);
    this.#observe(fn, now_ms, true);
    this.#idle.noteUse(fn);
    const slot = this.#queues.count(fn) === 0 ? this.#idle.takeNext(fn) : NONE;
    if (slot === NONE) {
      this.#queues.push(fn, invocation);
      this.#settle(fn, now_ms, invocation);
      return;
    }
    this.#serve(fn, slot, invocation, now_ms);
    if (this.#policy.numbers) this.#settle(fn, now_ms, NONE);
    // What is left idle may be too old by what was just learned.
    else if (this.#policy.arrived || (this.#alarm_ms[fn] ?? 0) <= now_ms) this.#stopOld(fn, now_ms);
  }

  #event(now_ms: number): void {
    const payload = this.#heap.pop();
    const slot = payload >> 2;
    const fn = this.#idle.functionOf(slot);
    const kind = payload & 3;
    if (kind === GONE) {
      this.#gone(fn, slot, now_ms);
      return;
    }
    this.#events += 1;
    if (kind === END) {
      if (this.#slow && this.#goesOn(this.#slow, fn, slot, now_ms)) return;
      this.#observe(fn, now_ms, false);
      this.#busy[fn] = (this.#busy[fn] ?? 0) - 1;
      this.#last_end_ms[fn] = now_ms;
      this.#policy.ended?.(fn, now_ms);
    } else {
      this.#starting[fn] = (this.#starting[fn] ?? 0) - 1;
    }
    this.#idle.add(fn, slot, now_ms, kind === READY);
    this.#settle(fn, now_ms, NONE);
    if (this.#hungry.length > 0) this.#makeRoom(now_ms);
  }

  /** What was given back beside it has held it up: it ends later. */
  #goesOn(slow: SlowReclaim, fn: number, slot: number, now_ms: number): boolean {
    const more_ms = slow.more(fn, slot, now_ms);
    if (more_ms === 0) return false;
    const invocation = this.#running[slot] ?? 0;
    if (this.#slowed_ms) this.#slowed_ms[invocation] = (this.#slowed_ms[invocation] ?? 0) + more_ms;
    this.#busy_byte_ms += more_ms * (this.#region_bytes[fn] ?? 0);
    this.#events -= 1;
    this.#heap.push(now_ms + more_ms, slot * 4 + END);
    return true;
  }

  #gone(fn: number, slot: number, now_ms: number): void {
    const bytes = this.#region_bytes[fn] ?? 0;
    this.#idle.release(slot);
    this.#account.add(now_ms, -bytes);
    this.#freeing_bytes -= bytes;
    this.#free[fn] = (this.#free[fn] ?? 0) + 1;
    this.#instances[fn] = (this.#instances[fn] ?? 0) - 1;
    this.#settle(fn, now_ms, NONE);
    while (this.#hungry.length > 0) {
      const next = this.#hungry[0] ?? 0;
      this.#is_hungry[next] = 0;
      this.#hungry.shift();
      this.#settle(next, now_ms, NONE);
      // Still without memory: it keeps its place.
      if (this.#is_hungry[next] === 1) {
        this.#hungry.unshift(this.#hungry.pop() ?? next);
        return;
      }
    }
  }

  #alarm(now_ms: number): void {
    const fn = this.#alarms.pop();
    if (this.#alarm_ms[fn] !== now_ms) return;
    this.#alarm_ms[fn] = Number.POSITIVE_INFINITY;
    this.#observe(fn, now_ms, false);
    this.#settle(fn, now_ms, NONE);
  }

  #observe(fn: number, now_ms: number, is_arrival: boolean): void {
    const { numbers } = this.#policy;
    if (!numbers) return;
    const busy = this.#busy[fn] ?? 0;
    const concurrent = busy + this.#queues.count(fn);
    numbers.observe(fn, now_ms, { concurrent, ready: busy + this.#idle.count(fn) }, is_arrival);
  }

  /** What waits is served, what is missing is started, what is too old is stopped. */
  #settle(fn: number, now_ms: number, arrived: number): void {
    while (this.#queues.count(fn) > 0) {
      const slot = this.#idle.takeNext(fn);
      if (slot === NONE) break;
      this.#serve(fn, slot, this.#queues.shift(fn), now_ms);
    }
    let starts = this.#missing(fn, now_ms);
    while (starts > 0 && (this.#free[fn] ?? 0) > 0) {
      if (!this.#start(fn, now_ms)) {
        if (this.#queues.count(fn) > 0) this.#short(fn, now_ms, arrived);
        break;
      }
      starts -= 1;
    }
    this.#stopOld(fn, now_ms);
  }

  #missing(fn: number, now_ms: number): number {
    const { numbers } = this.#policy;
    if (numbers) return numbers.wanted(fn, this.#queues.count(fn)) - this.#alive(fn);
    const missing = this.#queues.count(fn) - (this.#starting[fn] ?? 0);
    const prewarm_ms = this.#policy.prewarm_ms[fn] ?? 0;
    if (missing > 0 || prewarm_ms <= 0 || this.#alive(fn) > 0) return missing;
    const from_ms = (this.#last_end_ms[fn] ?? 0) + prewarm_ms;
    return now_ms >= from_ms && now_ms < from_ms + (this.#policy.keep_alive_ms[fn] ?? 0) ? 1 : 0;
  }

  #alive(fn: number): number {
    return (this.#starting[fn] ?? 0) + (this.#busy[fn] ?? 0) + this.#idle.count(fn);
  }

  #start(fn: number, now_ms: number): boolean {
    const bytes = this.#region_bytes[fn] ?? 0;
    if (this.#account.bytes + bytes > this.#host.limit_bytes) return false;
    this.#free[fn] = (this.#free[fn] ?? 0) - 1;
    this.#starting[fn] = (this.#starting[fn] ?? 0) + 1;
    this.#account.add(now_ms, bytes);
    this.#starts += 1;
    const there = (this.#instances[fn] ?? 0) + 1;
    this.#instances[fn] = there;
    if (there > (this.#peaks[fn] ?? 0)) this.#peaks[fn] = there;
    const slot = this.#idle.newSlot(fn);
    this.#heap.push(now_ms + (this.#ready_ms[fn] ?? 0), slot * 4 + READY);
    this.#listener?.started(fn, slot, now_ms);
    const { limit_bytes, reserve_bytes } = this.#host;
    if (reserve_bytes > 0) this.#evict(limit_bytes - reserve_bytes, now_ms);
    return true;
  }

  /** No memory for a start. */
  #short(fn: number, now_ms: number, arrived: number): void {
    if (this.#host.when_short === 'wait') {
      if (this.#is_hungry[fn] === 0) this.#hungry.push(fn);
      this.#is_hungry[fn] = 1;
      return this.#makeRoom(now_ms);
    }
    if (arrived !== NONE && this.#outcomes[arrived] === OUTCOME.open) {
      this.#outcomes[arrived] = OUTCOME.refused;
      this.#queues.dropLast(fn, arrived);
      this.#listener?.refused(fn, arrived, now_ms);
    }
    if ((this.#busy[fn] ?? 0) + (this.#starting[fn] ?? 0) > 0) return;
    while (this.#queues.count(fn) > 0) {
      const refused = this.#queues.shift(fn);
      this.#outcomes[refused] = OUTCOME.refused;
      this.#listener?.refused(fn, refused, now_ms);
    }
  }

  /** A region for each function that waits for memory. */
  #makeRoom(now_ms: number): void {
    const wanted = this.#hungry.reduce((sum, fn) => sum + (this.#region_bytes[fn] ?? 0), 0);
    this.#evict(this.#host.limit_bytes - wanted, now_ms);
  }

  /** Stops idle instances until what is granted and not on its way back is at most `most_bytes`. */
  #evict(most_bytes: number, now_ms: number): void {
    if (this.#policy.eviction === 'none') return;
    while (this.#account.bytes - this.#freeing_bytes > most_bytes) {
      const slot = this.#idle.takeVictim(this.#policy.eviction);
      if (slot === NONE) return;
      this.#evictions += 1;
      const fn = this.#idle.functionOf(slot);
      if (this.#alive(fn) === 0) this.#idle.forgetUses(fn);
      this.#stop(fn, slot, now_ms);
    }
  }

  #serve(fn: number, slot: number, invocation: number, now_ms: number): void {
    const { arrival_ms, duration_ms } = this.#workload.invocations;
    const came_ms = arrival_ms[invocation] ?? 0;
    const took_ms = duration_ms[invocation] ?? 0;
    const cold = this.#idle.serve(slot, came_ms);
    this.#listener?.served(fn, slot, invocation, now_ms, cold);
    this.#outcomes[invocation] = cold ? OUTCOME.cold : OUTCOME.warm;
    this.#waits_ms[invocation] = now_ms - came_ms;
    this.#busy[fn] = (this.#busy[fn] ?? 0) + 1;
    this.#busy_byte_ms += took_ms * (this.#region_bytes[fn] ?? 0);
    this.#events += 1;
    if (this.#slow) {
      this.#running[slot] = invocation;
      this.#slow.begin(fn, slot, now_ms);
    }
    this.#heap.push(now_ms + took_ms, slot * 4 + END);
  }

  /** Stops what is idle for too long, or too many, and sets the alarm for what will be. */
  #stopOld(fn: number, now_ms: number): void {
    const wake_ms = this.#stopDue(fn, now_ms);
    if (wake_ms >= (this.#alarm_ms[fn] ?? 0)) return;
    this.#alarm_ms[fn] = wake_ms;
    this.#alarms.push(wake_ms, fn);
  }

  /** When it is to be looked at again. */
  #stopDue(fn: number, now_ms: number): number {
    const idle = this.#idle;
    const { numbers } = this.#policy;
    if (numbers) {
      let surplus = this.#alive(fn) - numbers.wanted(fn, this.#queues.count(fn));
      for (; surplus > 0 && idle.count(fn) > 0; surplus -= 1) this.#stopOldest(fn, now_ms);
      return numbers.next_ms(fn);
    }
    if ((this.#policy.prewarm_ms[fn] ?? 0) > 0) return this.#stopUnloaded(fn, now_ms);
    const keep_ms = this.#policy.keep_alive_ms[fn] ?? 0;
    if (idle.dueMs(fn, keep_ms) <= now_ms) {
      while (idle.oldestDueMs(fn, keep_ms) <= now_ms) this.#stopOldest(fn, now_ms);
    }
    return idle.dueMs(fn, keep_ms);
  }

  #stopOldest(fn: number, now_ms: number): void {
    const slot = this.#idle.oldest(fn);
    this.#idle.take(fn, slot);
    this.#stop(fn, slot, now_ms);
  }

  /** With a pre-warm window only what was started ahead is kept, until the window ends. */
  #stopUnloaded(fn: number, now_ms: number): number {
    const idle = this.#idle;
    const from_ms = (this.#last_end_ms[fn] ?? 0) + (this.#policy.prewarm_ms[fn] ?? 0);
    const end_ms = from_ms + (this.#policy.keep_alive_ms[fn] ?? 0);
    let wake_ms = Number.POSITIVE_INFINITY;
    for (let slot = idle.oldest(fn); slot !== NONE; ) {
      const next = idle.youngerThan(slot);
      if (idle.hasServed(slot) || end_ms <= now_ms) {
        idle.take(fn, slot);
        this.#stop(fn, slot, now_ms);
      } else wake_ms = end_ms;
      slot = next;
    }
    return this.#alive(fn) === 0 && from_ms > now_ms ? from_ms : wake_ms;
  }

  #stop(fn: number, slot: number, now_ms: number): void {
    this.#stops += 1;
    this.#events += 1;
    this.#freeing_bytes += this.#region_bytes[fn] ?? 0;
    const took_ms = this.#gone_ms[fn] ?? 0;
    const from_ms = now_ms + this.#stop_ms;
    const at_ms = this.#slow ? this.#slow.queue(fn, from_ms, took_ms) : from_ms + took_ms;
    this.#heap.push(at_ms, slot * 4 + GONE);
    this.#listener?.stopped(fn, slot, now_ms);
  }
}

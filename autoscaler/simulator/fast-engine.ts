/**
 * Fast engine: the rules of the agent's core for one VM a function, in columns instead of objects.
 * What it decides is what the reference engine decides (test/autoscaler/simulator/engines.test.ts).
 * Pure: the same workload, costs and policy give the same outcome.
 *
 * Order at one moment: ends and starts that are ready, then arrivals, then what is due by time.
 */
import { EventHeap } from './event-heap.ts';
import { MemoryAccount } from '../results/memory-account.ts';
import { OUTCOME, type Played } from './outcome.ts';
import { IdleLists } from './idle-lists.ts';
import { InvocationQueues } from './invocation-queues.ts';
import { FunctionColumns } from './function-columns.ts';
import { HungryFunctions } from './hungry-functions.ts';
import { type HostModel, WIDE_HOST } from './host-model.ts';
import type { RunListener } from './run-recorder.ts';
import { SlowReclaim } from './slow-reclaim.ts';
import type { IdleUses, Numbers, TablePolicy } from './table-policies.ts';
import type { SimCosts, SimWorkload } from './workload.ts';

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
  readonly #policy: TablePolicy;
  readonly #numbers: Numbers | null;
  readonly #uses: IdleUses | null;
  /** Windows never change, and there is none ahead: the one idle longest ends first, by itself. */
  readonly #is_steady: boolean;
  readonly #host: HostModel;
  readonly #heap = new EventHeap();
  readonly #alarms = new EventHeap();
  readonly #account: MemoryAccount;
  readonly #idle: IdleLists;
  readonly #of: FunctionColumns;
  readonly #hungry: HungryFunctions;
  /* by invocation */
  readonly #function_index: Uint32Array;
  readonly #arrival_ms: Float64Array;
  readonly #duration_ms: Float64Array;
  readonly #queues: InvocationQueues;
  readonly #outcomes: Uint8Array;
  readonly #waits_ms: Float64Array;
  /** Of the event at hand. A field, for a double that is passed on is put into a box each time. */
  #now_ms = Number.NaN;
  #freeing_bytes = 0;
  #events = 0;
  #busy_byte_ms = 0;
  readonly #sums = { starts: 0, stops: 0, evictions: 0 };
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
    this.#policy = policy;
    this.#numbers = policy.numbers ?? null;
    this.#uses = policy.uses ?? null;
    const { arrived, ended, numbers, uses, is_batched } = policy;
    const learns = arrived || ended || numbers || uses || is_batched;
    this.#is_steady = !learns && policy.prewarm_ms.every((prewarm_ms) => prewarm_ms === 0);
    this.#function_index = invocations.function_index;
    this.#arrival_ms = invocations.arrival_ms;
    this.#duration_ms = invocations.duration_ms;
    this.#host = host;
    this.#account = new MemoryAccount(workload.window_ms);
    this.#of = new FunctionColumns(functions, costs, policy);
    this.#idle = new IdleLists(count, policy, functions, costs);
    this.#hungry = new HungryFunctions(count);
    this.#queues = new InvocationQueues(count, invocations.length);
    this.#outcomes = new Uint8Array(invocations.length);
    this.#waits_ms = new Float64Array(invocations.length).fill(Number.NaN);
  }

  play(): Played {
    for (let at = 0; at < this.#arrival_ms.length; at += 1) {
      const now_ms = this.#arrival_ms[at] ?? 0;
      this.#until(now_ms);
      this.#now_ms = now_ms;
      this.#arrive(at);
    }
    this.#until(Number.POSITIVE_INFINITY);
    return {
      outcomes: this.#outcomes,
      waits_ms: this.#waits_ms,
      slowed_ms: this.#slowed_ms,
      ...this.#sums,
      events: this.#events,
      busy_byte_ms: this.#busy_byte_ms,
      committed: this.#account,
      peak_instances: this.#of.peaks,
      ready: this.#uses?.tally() ?? null,
    };
  }

  /** Everything that comes before an arrival at `limit_ms`; what is due by time comes after it. */
  #until(limit_ms: number): void {
    for (;;) {
      const event_ms = this.#heap.next_ms;
      const alarm_ms = this.#alarms.next_ms;
      if (event_ms <= limit_ms && event_ms <= alarm_ms && event_ms < Infinity) {
        this.#now_ms = event_ms;
        this.#event();
      } else if (alarm_ms < limit_ms) {
        this.#now_ms = alarm_ms;
        this.#alarm();
      } else return;
    }
  }

  #arrive(invocation: number): void {
    const fn = this.#function_index[invocation] ?? 0;
    this.#events += 1;
    const queued = this.#queues.count(fn);
    const { arrived } = this.#policy;
    if (arrived) arrived(fn, this.#now_ms, (this.#of.busy[fn] ?? 0) + queued > 0);
    if (this.#numbers) this.#observe(this.#numbers, fn, true);
    this.#idle.noteUse(fn);
    const slot = queued === 0 ? this.#idle.takeNext(fn) : NONE;
    if (slot === NONE) {
      this.#queues.push(fn, invocation);
      return this.#settle(fn, invocation);
    }
    this.#uses?.reused(fn, this.#idle.sinceOf(slot), this.#now_ms);
    this.#serve(fn, slot, invocation);
    if (this.#numbers) this.#settle(fn, NONE);
    // What is left idle may be too old by what was just learned.
    else if (arrived || this.#uses || (this.#of.alarm_ms[fn] ?? 0) <= this.#now_ms)
      this.#stopOld(fn);
  }

  #event(): void {
    const payload = this.#heap.pop();
    const slot = payload >> 2;
    const fn = this.#idle.functionOf(slot);
    const kind = payload & 3;
    if (kind === GONE) return this.#gone(fn, slot);
    this.#events += 1;
    if (kind === END) {
      if (this.#slow && this.#goesOn(this.#slow, fn, slot)) return;
      if (this.#numbers) this.#observe(this.#numbers, fn, false);
      this.#of.busy[fn] = (this.#of.busy[fn] ?? 0) - 1;
      this.#of.last_end_ms[fn] = this.#now_ms;
      this.#policy.ended?.(fn, this.#now_ms);
    } else {
      this.#of.starting[fn] = (this.#of.starting[fn] ?? 0) - 1;
    }
    this.#idle.add(fn, slot, this.#now_ms, kind === READY);
    if (!this.#isSettled(fn)) this.#settle(fn, NONE);
    if (this.#hungry.length > 0) this.#makeRoom();
  }

  /**
   * Whether nothing follows from one more that is idle: nobody waits for it, and who is idle longer
   * has set an alarm that is not after its own.
   */
  #isSettled(fn: number): boolean {
    if (!this.#is_steady || this.#queues.count(fn) > 0) return false;
    const alarm_ms = this.#of.alarm_ms[fn] ?? 0;
    return alarm_ms > this.#now_ms && alarm_ms < Number.POSITIVE_INFINITY;
  }

  /** What was given back beside it has held it up: it ends later. */
  #goesOn(slow: SlowReclaim, fn: number, slot: number): boolean {
    const more_ms = slow.more(fn, slot, this.#now_ms);
    if (more_ms === 0) return false;
    const invocation = this.#running[slot] ?? 0;
    if (this.#slowed_ms) this.#slowed_ms[invocation] = (this.#slowed_ms[invocation] ?? 0) + more_ms;
    this.#busy_byte_ms += more_ms * (this.#of.region_bytes[fn] ?? 0);
    this.#events -= 1;
    this.#heap.push(this.#now_ms + more_ms, slot * 4 + END);
    return true;
  }

  #gone(fn: number, slot: number): void {
    const bytes = this.#of.region_bytes[fn] ?? 0;
    this.#idle.release(slot);
    this.#account.add(this.#now_ms, -bytes);
    this.#freeing_bytes -= bytes;
    this.#of.free[fn] = (this.#of.free[fn] ?? 0) + 1;
    this.#of.instances[fn] = (this.#of.instances[fn] ?? 0) - 1;
    this.#settle(fn, NONE);
    if (this.#hungry.length > 0) this.#hungry.feed((next) => this.#settle(next, NONE));
  }

  #alarm(): void {
    const fn = this.#alarms.pop();
    if (this.#of.alarm_ms[fn] !== this.#now_ms) return;
    this.#of.alarm_ms[fn] = Number.POSITIVE_INFINITY;
    if (this.#numbers) this.#observe(this.#numbers, fn, false);
    this.#settle(fn, NONE);
  }

  #observe(numbers: Numbers, fn: number, is_arrival: boolean): void {
    const busy = this.#of.busy[fn] ?? 0;
    const concurrent = busy + this.#queues.count(fn);
    numbers.observe(
      fn,
      this.#now_ms,
      { concurrent, ready: busy + this.#idle.count(fn) },
      is_arrival,
    );
  }

  /** What waits is served, what is missing is started, what is too old is stopped. */
  #settle(fn: number, arrived: number): void {
    while (this.#queues.count(fn) > 0) {
      const slot = this.#idle.takeNext(fn);
      if (slot === NONE) break;
      this.#uses?.waited(this.#now_ms);
      this.#serve(fn, slot, this.#queues.shift(fn));
    }
    let starts = this.#missing(fn);
    while (starts > 0 && (this.#of.free[fn] ?? 0) > 0) {
      if (!this.#start(fn)) {
        if (this.#queues.count(fn) > 0) this.#short(fn, arrived);
        break;
      }
      starts -= 1;
    }
    this.#stopOld(fn);
  }

  #missing(fn: number): number {
    const numbers = this.#numbers;
    const queued = this.#queues.count(fn);
    if (numbers) return numbers.wanted(fn, queued) - this.#alive(fn);
    const missing = queued - (this.#of.starting[fn] ?? 0);
    const prewarm_ms = this.#of.prewarm_ms[fn] ?? 0;
    if (missing > 0 || prewarm_ms <= 0 || this.#alive(fn) > 0) return missing;
    const from_ms = (this.#of.last_end_ms[fn] ?? 0) + prewarm_ms;
    return this.#now_ms >= from_ms && this.#now_ms < from_ms + (this.#of.keep_alive_ms[fn] ?? 0)
      ? 1
      : 0;
  }

  #alive(fn: number): number {
    return (this.#of.starting[fn] ?? 0) + (this.#of.busy[fn] ?? 0) + this.#idle.count(fn);
  }

  #start(fn: number): boolean {
    const now_ms = this.#now_ms;
    const bytes = this.#of.region_bytes[fn] ?? 0;
    if (this.#account.bytes + bytes > this.#host.limit_bytes) return false;
    this.#of.free[fn] = (this.#of.free[fn] ?? 0) - 1;
    this.#of.starting[fn] = (this.#of.starting[fn] ?? 0) + 1;
    this.#account.add(now_ms, bytes);
    this.#sums.starts += 1;
    this.#uses?.missed(fn, now_ms);
    this.#of.noteStart(fn);
    const slot = this.#idle.newSlot(fn);
    this.#heap.push(now_ms + (this.#of.ready_ms[fn] ?? 0), slot * 4 + READY);
    this.#listener?.started(fn, slot, now_ms);
    const { limit_bytes, reserve_bytes } = this.#host;
    if (reserve_bytes > 0) this.#evict(limit_bytes - reserve_bytes);
    return true;
  }

  /** No memory for a start. */
  #short(fn: number, arrived: number): void {
    if (this.#host.when_short === 'wait') {
      this.#hungry.add(fn);
      return this.#makeRoom();
    }
    if (arrived !== NONE && this.#outcomes[arrived] === OUTCOME.open) {
      this.#outcomes[arrived] = OUTCOME.refused;
      this.#queues.dropLast(fn, arrived);
      this.#listener?.refused(fn, arrived, this.#now_ms);
    }
    if ((this.#of.busy[fn] ?? 0) + (this.#of.starting[fn] ?? 0) > 0) return;
    while (this.#queues.count(fn) > 0) {
      const refused = this.#queues.shift(fn);
      this.#outcomes[refused] = OUTCOME.refused;
      this.#listener?.refused(fn, refused, this.#now_ms);
    }
  }

  /** A region for each function that waits for memory. */
  #makeRoom(): void {
    const wanted = this.#hungry.sum(this.#of.region_bytes);
    this.#evict(this.#host.limit_bytes - wanted);
  }

  /** Stops idle instances until what is granted and not on its way back is at most `most_bytes`. */
  #evict(most_bytes: number): void {
    if (this.#policy.eviction === 'none') return;
    while (this.#account.bytes - this.#freeing_bytes > most_bytes) {
      const slot = this.#idle.takeVictim(this.#policy.eviction);
      if (slot === NONE) return;
      this.#sums.evictions += 1;
      const fn = this.#idle.functionOf(slot);
      if (this.#alive(fn) === 0) this.#idle.forgetUses(fn);
      this.#stop(fn, slot);
    }
  }

  #serve(fn: number, slot: number, invocation: number): void {
    const now_ms = this.#now_ms;
    const came_ms = this.#arrival_ms[invocation] ?? 0;
    const took_ms = this.#duration_ms[invocation] ?? 0;
    const cold = this.#idle.serve(slot, came_ms);
    this.#listener?.served(fn, slot, invocation, now_ms, cold);
    this.#outcomes[invocation] = cold ? OUTCOME.cold : OUTCOME.warm;
    this.#waits_ms[invocation] = now_ms - came_ms;
    this.#of.busy[fn] = (this.#of.busy[fn] ?? 0) + 1;
    this.#busy_byte_ms += took_ms * (this.#of.region_bytes[fn] ?? 0);
    this.#events += 1;
    if (this.#slow) {
      this.#running[slot] = invocation;
      this.#slow.begin(fn, slot, now_ms);
    }
    this.#heap.push(now_ms + took_ms, slot * 4 + END);
  }

  /** Stops what is idle for too long, or too many, and sets the alarm for what will be. */
  #stopOld(fn: number): void {
    const wake_ms = this.#stopDue(fn);
    if (wake_ms >= (this.#of.alarm_ms[fn] ?? 0)) return;
    this.#of.alarm_ms[fn] = wake_ms;
    this.#alarms.push(wake_ms, fn);
  }

  /** When it is to be looked at again. */
  #stopDue(fn: number): number {
    const idle = this.#idle;
    const numbers = this.#numbers;
    if (numbers) {
      let surplus = this.#alive(fn) - numbers.wanted(fn, this.#queues.count(fn));
      for (; surplus > 0 && idle.count(fn) > 0; surplus -= 1) this.#stopOldest(fn);
      return numbers.next_ms(fn);
    }
    if ((this.#of.prewarm_ms[fn] ?? 0) > 0) return this.#stopUnloaded(fn);
    if (this.#uses && idle.count(fn) === 0) return Number.POSITIVE_INFINITY;
    const keep_ms = this.#uses?.keptMs(fn) ?? this.#of.keep_alive_ms[fn] ?? 0;
    const due_ms = idle.dueMs(fn, keep_ms);
    if (due_ms > this.#now_ms) return due_ms;
    while (idle.oldestDueMs(fn, keep_ms) <= this.#now_ms) this.#stopOldest(fn);
    return idle.dueMs(fn, keep_ms);
  }

  #stopOldest(fn: number): void {
    const slot = this.#idle.oldest(fn);
    this.#idle.take(fn, slot);
    this.#stop(fn, slot);
  }

  /** With a pre-warm window only what was started ahead is kept, until the window ends. */
  #stopUnloaded(fn: number): number {
    const idle = this.#idle;
    const from_ms = (this.#of.last_end_ms[fn] ?? 0) + (this.#of.prewarm_ms[fn] ?? 0);
    const end_ms = from_ms + (this.#of.keep_alive_ms[fn] ?? 0);
    let wake_ms = Number.POSITIVE_INFINITY;
    for (let slot = idle.oldest(fn); slot !== NONE; ) {
      const next = idle.youngerThan(slot);
      if (idle.hasServed(slot) || end_ms <= this.#now_ms) {
        idle.take(fn, slot);
        this.#stop(fn, slot);
      } else wake_ms = end_ms;
      slot = next;
    }
    return this.#alive(fn) === 0 && from_ms > this.#now_ms ? from_ms : wake_ms;
  }

  #stop(fn: number, slot: number): void {
    this.#sums.stops += 1;
    this.#events += 1;
    this.#uses?.ended(fn, this.#idle.sinceOf(slot), this.#now_ms);
    this.#freeing_bytes += this.#of.region_bytes[fn] ?? 0;
    const took_ms = this.#of.gone_ms[fn] ?? 0;
    const from_ms = this.#now_ms + this.#of.stop_ms;
    const at_ms = this.#slow ? this.#slow.queue(fn, from_ms, took_ms) : from_ms + took_ms;
    this.#heap.push(at_ms, slot * 4 + GONE);
    this.#listener?.stopped(fn, slot, this.#now_ms);
  }
}

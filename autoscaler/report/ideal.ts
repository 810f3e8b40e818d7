/**
 * The least memory that any mechanism could hold for a plan: plugs, starts and unplugs that take no
 * time, under the very keep-alive of the run. Pure; depends on nothing a mechanism did.
 */
import { GIB } from '../../base/units.ts';
import type { PlannedCall, PlannedWork } from './planned-work.ts';

/** What the ideal has to know of a function, as in the manifest. */
export interface IdealFunction {
  readonly name: string;
  readonly limit_bytes: number;
  readonly boot_bytes: number;
  readonly concurrency: number;
  readonly keep_alive_ms: number;
}

export interface Ideal {
  /** Boot memory of all function VMs over the window: what no mechanism here gives back. */
  readonly boot_gib_s: number;
  /** Boot memory, and regions from the start of a call until its instance's keep-alive is over. */
  readonly with_keep_alive_gib_s: number;
  /** The same if an instance ended with its call. */
  readonly without_keep_alive_gib_s: number;
}

/** Null when a call is of a function that the manifest does not have. */
export function idealOf(
  plan: PlannedWork,
  functions: readonly IdealFunction[],
  window_ms: number,
): Ideal | null {
  const pools = playedPools(plan, functions, window_ms);
  if (!pools) return null;
  const boot = functions.reduce((sum, one) => sum + one.boot_bytes * window_ms, 0);
  let alive = 0;
  let busy = 0;
  for (const pool of pools) {
    alive += pool.alive_ms * pool.limit_bytes;
    busy += pool.busy_ms * pool.limit_bytes;
  }
  return {
    boot_gib_s: toGibSeconds(boot),
    with_keep_alive_gib_s: toGibSeconds(boot + alive),
    without_keep_alive_gib_s: toGibSeconds(boot + busy),
  };
}

/** Instances that are started so; null when a call is of a function that is not told. */
export function plannedStarts(
  plan: PlannedWork,
  functions: readonly IdealFunction[],
): number | null {
  const pools = playedPools(plan, functions, Number.POSITIVE_INFINITY);
  return pools?.reduce((sum, { instances }) => sum + instances, 0) ?? null;
}

/** An instance that starts, of the function of that name. */
export interface PlannedStart {
  readonly name: string;
  readonly at_ms: number;
}

/** When each of them starts, by time of its call, those of a warm-up too. */
export function plannedStartTimes(
  plan: PlannedWork,
  functions: readonly IdealFunction[],
): readonly PlannedStart[] | null {
  const starts: PlannedStart[] = [];
  const onStart = (start: PlannedStart): void => void starts.push(start);
  return playedPools(plan, functions, Number.POSITIVE_INFINITY, onStart) && starts;
}

/** After the last call. */
function playedPools(
  plan: PlannedWork,
  functions: readonly IdealFunction[],
  window_ms: number,
  onStart: (start: PlannedStart) => void = () => {},
): Pool[] | null {
  const by_name = new Map(functions.map((one) => [one.name, one]));
  const pools: Pool[] = [];
  for (const name of plan.functions) {
    const found = by_name.get(name);
    if (!found) return null;
    pools.push(new Pool(found, window_ms, (at_ms) => onStart({ name, at_ms })));
  }
  plan.forEach((call) => pools[call.function_index]?.serve(call));
  for (const pool of pools) pool.end();
  return pools;
}

interface Instance {
  readonly since_ms: number;
  /** End of its call, from which on it is idle. */
  free_ms: number;
}

/** Instances of one function VM; the agent's rules: the warmest idle one first, then a new one. */
class Pool {
  readonly limit_bytes: number;
  alive_ms = 0;
  busy_ms = 0;
  /** Those that are gone, but for what a warm-up started. */
  instances = 0;
  readonly #most: number;
  readonly #keep_alive_ms: number;
  readonly #window_ms: number;
  /** By free_ms, ascending. */
  readonly #idle: Instance[] = [];
  readonly #busy: Instance[] = [];

  readonly #onStart: (at_ms: number) => void;

  constructor(one: IdealFunction, window_ms: number, onStart: (at_ms: number) => void) {
    this.limit_bytes = one.limit_bytes;
    this.#most = Math.max(1, one.concurrency);
    this.#keep_alive_ms = one.keep_alive_ms;
    this.#window_ms = window_ms;
    this.#onStart = onStart;
  }

  serve({ at_ms, duration_ms }: PlannedCall): void {
    this.#settle(at_ms);
    const idle = this.#idle.pop();
    if (idle) return this.#run(idle, at_ms, duration_ms);
    const full = this.#busy.length >= this.#most;
    const next = full ? this.#busy.shift() : undefined;
    if (next) return this.#run(next, next.free_ms, duration_ms);
    this.#onStart(at_ms);
    this.#run({ since_ms: at_ms, free_ms: at_ms }, at_ms, duration_ms);
  }

  end(): void {
    for (const one of [...this.#idle, ...this.#busy]) this.#gone(one);
  }

  #run(instance: Instance, from_ms: number, duration_ms: number): void {
    instance.free_ms = from_ms + duration_ms;
    this.busy_ms += this.#within(from_ms, instance.free_ms);
    insert(this.#busy, instance);
  }

  /** Calls that are over leave their instance idle; what was idle for too long is gone. */
  #settle(now_ms: number): void {
    while ((this.#busy[0]?.free_ms ?? Infinity) <= now_ms) {
      const free = this.#busy.shift();
      if (free) this.#idle.push(free);
    }
    while ((this.#idle[0]?.free_ms ?? Infinity) + this.#keep_alive_ms <= now_ms) {
      const old = this.#idle.shift();
      if (old) this.#gone(old);
    }
  }

  #gone(instance: Instance): void {
    if (instance.since_ms >= 0) this.instances += 1;
    this.alive_ms += this.#within(instance.since_ms, instance.free_ms + this.#keep_alive_ms);
  }

  #within(from_ms: number, to_ms: number): number {
    const end_ms = Math.min(to_ms, this.#window_ms);
    return Math.max(0, end_ms - Math.max(0, from_ms));
  }
}

function insert(list: Instance[], one: Instance): void {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((list[middle]?.free_ms ?? 0) <= one.free_ms) low = middle + 1;
    else high = middle;
  }
  list.splice(low, 0, one);
}

function toGibSeconds(byte_ms: number): number {
  return Math.round((byte_ms / GIB / 1000) * 1e6) / 1e6;
}

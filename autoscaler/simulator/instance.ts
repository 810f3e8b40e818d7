/**
 * One invocation, simulated: a memory series under a plan of sizes, with the rules that a span in
 * use goes by. Memory is touched at a stated speed; who finds nothing plugged waits for as long as
 * growth takes, and all that follows is later by that. The start itself is as long for every plan
 * and left out. Pure.
 */
import { assert } from '../../base/assert.ts';
import {
  type GrowthCosts,
  newSpan,
  nextSize,
  noteSize,
  noteUse,
  reactionMs,
  reserveBytes,
  type SpanUse,
} from '../policy/sizing/growth.ts';
import { SIZE_CLASSES } from '../policy/sizing/classes.ts';
import type { MemorySeries } from '../trace/memory-series.ts';

/** How large an instance is, and whether that changes while it runs. */
export interface SizePlan {
  readonly baseline_bytes: number;
  readonly increment_bytes: number;
  readonly max_bytes: number;
  readonly grows: boolean;
  readonly shrinks: boolean;
}

/** The machine that is assumed. */
export interface InstanceModel {
  readonly costs: GrowthCosts;
  /** The speed at which memory is touched for the first time. */
  readonly touch_bytes_per_ms: number;
  /** Nothing is kept free for growth: it is asked for when somebody waits already. */
  readonly is_reactive?: boolean;
}

export interface InstanceTally {
  readonly held_byte_ms: number;
  readonly used_byte_ms: number;
  readonly plugs: number;
  readonly unplugs: number;
  readonly waits: number;
  readonly wait_ms: number;
  /** With all waits. */
  readonly duration_ms: number;
}

/** Told at every change of what is held or used. */
export type OnMemory = (at_ms: number, held_bytes: number, used_bytes: number) => void;

/** What somebody waits for who faults on one page. */
const PAGE_BYTES = 4096;
/** Times closer than this are one. */
const NO_TIME_MS = 1e-6;

/** Plays a series. Its peak must fit the plan: within the baseline, or the ceiling if it grows. */
export function playInvocation(
  series: MemorySeries,
  plan: SizePlan,
  model: InstanceModel,
  onMemory?: OnMemory,
): InstanceTally {
  const player = new Player(plan, model, onMemory);
  for (const [index, { at_ms, anonymous_bytes }] of series.phases.entries()) {
    const until_ms = series.phases[index + 1]?.at_ms ?? series.duration_ms;
    player.phase(anonymous_bytes, until_ms - at_ms);
  }
  return player.tally;
}

/** The costs that the rules go by: where growth takes no time, no reserve is needed for it. */
function ruleCosts({ costs, is_reactive = false }: InstanceModel): GrowthCosts {
  return is_reactive ? { ...costs, event_ms: 0, permit_ms: 0, plug_p99_ms: 0 } : costs;
}

class Player {
  readonly #plan: SizePlan;
  readonly #model: InstanceModel;
  readonly #onMemory: OnMemory | undefined;
  readonly #about: { bounds: Parameters<typeof nextSize>[2]['bounds']; costs: GrowthCosts };
  readonly #sums = { held_byte_ms: 0, used_byte_ms: 0, plugs: 0, unplugs: 0, waits: 0, wait_ms: 0 };
  #now_ms = 0;
  #used_bytes = 0;
  #plugged_bytes: number;
  #use: SpanUse;
  /** Growth under way: nothing else is decided until it is there. */
  #growth: { readonly to_bytes: number; readonly lands_at_ms: number } | null = null;

  constructor(plan: SizePlan, model: InstanceModel, onMemory?: OnMemory) {
    const [least_bytes = 0] = SIZE_CLASSES;
    const { increment_bytes, max_bytes, baseline_bytes } = plan;
    this.#plan = plan;
    this.#model = model;
    this.#onMemory = onMemory;
    this.#about = { bounds: { least_bytes, increment_bytes, max_bytes }, costs: ruleCosts(model) };
    this.#plugged_bytes = baseline_bytes;
    this.#use = newSpan(baseline_bytes, 0);
  }

  get tally(): InstanceTally {
    return { ...this.#sums, duration_ms: this.#now_ms };
  }

  /** From now on `goal_bytes` are used, for `length_ms` without waits. */
  phase(goal_bytes: number, length_ms: number): void {
    const { grows, max_bytes, baseline_bytes } = this.#plan;
    assert(goal_bytes <= (grows ? max_bytes : baseline_bytes), 'what is used fits the plan');
    let left_ms = length_ms;
    // What is touched in a phase is touched within it.
    const fastest = Math.max(
      this.#model.touch_bytes_per_ms,
      (goal_bytes - this.#used_bytes) / length_ms,
    );
    if (goal_bytes < this.#used_bytes) this.#used_bytes = goal_bytes;
    while (left_ms > NO_TIME_MS || this.#used_bytes < goal_bytes) {
      const is_blocked = this.#used_bytes < goal_bytes && this.#used_bytes >= this.#plugged_bytes;
      const again_ms = grows ? this.#decide(is_blocked) : Number.POSITIVE_INFINITY;
      if (is_blocked) this.#wait();
      else left_ms -= this.#run(goal_bytes, fastest, Math.min(again_ms, this.#now_ms + left_ms));
    }
  }

  /** Asks the rules; when to ask again if nothing else happens. */
  #decide(is_blocked: boolean): number {
    const about = { ...this.#about, now_ms: this.#now_ms };
    const news = { used_bytes: this.#used_bytes, want_bytes: is_blocked ? PAGE_BYTES : 0 };
    this.#use = noteUse(this.#use, news, about);
    if (this.#growth) return Number.POSITIVE_INFINITY;
    const { cause, target_bytes, look_again_at_ms } = nextSize(this.#use, news, about);
    if (cause === 'grow') {
      const lands_at_ms = this.#now_ms + reactionMs(this.#model.costs);
      this.#growth = { to_bytes: target_bytes, lands_at_ms };
      this.#use = noteSize(this.#use, target_bytes, about);
    } else if (cause === 'shrink' && this.#plan.shrinks) {
      // Held for as long as it takes to give it back.
      const bytes = this.#plugged_bytes - target_bytes;
      this.#sums.held_byte_ms += bytes * reactionMs(this.#model.costs);
      this.#sums.unplugs += 1;
      this.#plugged_bytes = target_bytes;
      this.#use = noteSize(this.#use, target_bytes, about);
    }
    const waits = this.#plan.shrinks && look_again_at_ms !== null;
    return waits ? look_again_at_ms : Number.POSITIVE_INFINITY;
  }

  #wait(): void {
    const growth = this.#growth;
    assert(growth, 'who waits waits for growth');
    const wait_ms = growth.lands_at_ms - this.#now_ms;
    this.#sums.waits += 1;
    this.#sums.wait_ms += wait_ms;
    this.#advance(wait_ms, this.#used_bytes);
  }

  /** Goes on until something happens, `until_ms` at the latest; for how long. */
  #run(goal_bytes: number, bytes_per_ms: number, until_ms: number): number {
    const missing_bytes = goal_bytes - this.#used_bytes;
    let elapsed_ms = until_ms - this.#now_ms;
    if (this.#growth) {
      elapsed_ms = Math.min(elapsed_ms, this.#growth.lands_at_ms - this.#now_ms);
    }
    if (missing_bytes <= 0) {
      this.#advance(elapsed_ms, this.#used_bytes);
      return elapsed_ms;
    }
    const free_bytes = this.#plugged_bytes - this.#used_bytes;
    let touched_bytes = Math.min(missing_bytes, free_bytes);
    const above_reserve = free_bytes - reserveBytes(this.#use, this.#about.costs) + 1;
    if (this.#plan.grows && !this.#growth && above_reserve > 0) {
      touched_bytes = Math.min(touched_bytes, above_reserve);
    }
    const touch_ms = touched_bytes / bytes_per_ms;
    const in_time = touch_ms <= elapsed_ms + NO_TIME_MS;
    if (in_time) elapsed_ms = touch_ms;
    else touched_bytes = elapsed_ms * bytes_per_ms;
    this.#advance(elapsed_ms, this.#used_bytes + touched_bytes);
    return elapsed_ms;
  }

  #advance(elapsed_ms: number, used_bytes: number): void {
    this.#onMemory?.(this.#now_ms, this.#plugged_bytes, this.#used_bytes);
    this.#sums.held_byte_ms += this.#plugged_bytes * elapsed_ms;
    this.#sums.used_byte_ms += ((this.#used_bytes + used_bytes) / 2) * elapsed_ms;
    this.#now_ms += elapsed_ms;
    this.#used_bytes = used_bytes;
    const growth = this.#growth;
    if (growth && growth.lands_at_ms <= this.#now_ms + NO_TIME_MS) {
      this.#plugged_bytes = growth.to_bytes;
      this.#growth = null;
      this.#sums.plugs += 1;
    }
    this.#onMemory?.(this.#now_ms, this.#plugged_bytes, this.#used_bytes);
  }
}

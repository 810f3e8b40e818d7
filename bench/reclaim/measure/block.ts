/**
 * One block: boot a VM, plug its regions, let all instances fill theirs at once, then take regions
 * back and give them out again, one after the other, with everything around it read.
 */
import { hostClock } from '../../../base/clock.ts';
import { LIMITS } from '../../../base/limits.ts';
import { BENCH_LIMITS } from '../../limits.ts';
import { roundUp } from '../../../base/units.ts';
import type { Hypervisor, VmSpec } from '../../../hypervisor-client/vm.ts';
import { BenchVm } from './bench-vm.ts';
import type { Cell } from '../plan/cell.ts';
import { blockBroken } from '../../errors.ts';
import { type Filled, filledSchema, verifiedSchema } from './guest-work.ts';
import { readHugeBytes } from './host-pages.ts';
import { readCommand } from '../../host.ts';
import type { Layout } from '../plan/layout.ts';
import type { BlockPlan } from '../plan/plan.ts';
import type { Recorder } from '../results/recorder.ts';
import type { BlockLine, InstanceLine, BenchOperation } from '../results/records.ts';
import { resizeFields, timedResize } from './timed-resize.ts';
import { placeOf, regionIdOf } from '../plan/vm-spec.ts';

export interface BlockContext {
  readonly plan: BlockPlan;
  readonly layout: Layout;
  readonly spec: VmSpec;
  readonly hypervisor: Hypervisor;
  readonly recorder: Recorder;
  readonly repetitions: number;
  /** Host clock at the start of the run; all stamps count from it. */
  readonly run_started_ms: number;
  readonly say: (detail: string) => void;
  readonly signal?: AbortSignal | undefined;
}

interface Living {
  readonly filled: Filled;
  readonly phase: InstanceLine['phase'];
  readonly seed: number;
  readonly retries: number;
}

/** The state of a block under way. */
export class Block {
  readonly context: BlockContext;
  readonly bench: BenchVm;
  /** What is plugged of each region, by its id. */
  readonly #plugged = new Map<string, number>();
  readonly #living = new Map<number, Living>();
  #seed = 0;

  constructor(context: BlockContext, bench: BenchVm) {
    this.context = context;
    this.bench = bench;
  }

  get cell(): Cell {
    return this.context.plan.cell;
  }

  get living(): number {
    return this.#living.size;
  }

  /** Plugs (`grow`) or unplugs the region of a slot and records it. */
  async resize(
    slot: number,
    kind: BenchOperation['kind'],
    repetition: number,
    counted = true,
  ): Promise<BenchOperation> {
    const { layout, recorder, plan, run_started_ms, signal } = this.context;
    const region_id = regionIdOf(layout, slot);
    const before = this.#plugged.get(region_id) ?? 0;
    const grow = kind === 'first-plug' || kind === 'replug';
    const bytes = targetBytes(layout, before, grow);
    const order = { region_id, bytes, counted, signal };
    const timed = await timedResize(this.bench, order);
    this.#plugged.set(region_id, timed.result.plugged_bytes);
    const line: BenchOperation = {
      block: plan.block,
      round: plan.round,
      cell: plan.cell,
      kind,
      repetition,
      slot,
      touched_bytes: layout.slots[slot]?.fill_bytes ?? 0,
      neighbours: this.living,
      ...resizeFields(timed, run_started_ms),
    };
    recorder.operation(line);
    if (grow && line.outcome !== 'done') {
      throw blockBroken(plan.block, `a plug ended as ${line.outcome}: ${line.reason ?? ''}`);
    }
    return line;
  }

  /** Starts the instances of these slots and lets them fill their memory, all at the same time. */
  async occupy(slots: readonly number[], phase: InstanceLine['phase']): Promise<void> {
    const { layout } = this.context;
    const wanted = slots.filter((slot) => (layout.slots[slot]?.fill_bytes ?? 0) > 0);
    const retries = new Map<number, number>();
    for (const slot of wanted) retries.set(slot, await this.#start(slot));
    await Promise.all(
      wanted.map(async (slot) => {
        this.#seed += 1;
        const seed = this.#seed;
        const bytes = layout.slots[slot]?.fill_bytes ?? 0;
        const work = { mode: 'fill', bytes, seed } as const;
        const { value: filled } = await this.bench.work(nameOf(slot), work, filledSchema);
        this.#living.set(slot, { filled, phase, seed, retries: retries.get(slot) ?? 0 });
      }),
    );
  }

  /**
   * A guest may refuse a start for want of memory that comes back in a moment (`numa` keeps kernel
   * memory of an instance on its small node too). Tried again and counted, not hidden.
   */
  async #start(slot: number): Promise<number> {
    const place = placeOf(this.cell, this.context.layout, slot);
    for (let retries = 0; ; retries += 1) {
      try {
        await this.bench.start(nameOf(slot), place);
        return retries;
      } catch (error) {
        if (retries >= BENCH_LIMITS.start_retries) throw error;
        await hostClock.sleep(LIMITS.instance_stop_retry_ms, this.context.signal);
      }
    }
  }

  /** Checks what the instance wrote, stops it, and records its life. */
  async stop(slot: number, check: boolean): Promise<void> {
    const living = this.#living.get(slot);
    if (!living) return;
    const { seed } = living;
    const verified = check
      ? await this.bench.work(nameOf(slot), { mode: 'verify', seed }, verifiedSchema)
      : null;
    const exit_ms = await this.bench.stop(nameOf(slot));
    this.#living.delete(slot);
    this.#record(slot, living, verified?.value.wrong_pages ?? null, exit_ms);
  }

  #record(slot: number, living: Living, wrong_pages: number | null, exit_ms: number): void {
    const { plan, recorder } = this.context;
    const { filled, phase, retries } = living;
    const pages = Math.max(1, filled.faults);
    recorder.instance({
      block: plan.block,
      round: plan.round,
      cell: plan.cell,
      slot,
      phase,
      bytes: filled.bytes,
      faults: filled.faults,
      fault_ns: Math.round(filled.cpu_ns / pages),
      fill_ms: filled.wall_ns / 1e6,
      retries,
      dirty_pages: filled.dirty_pages,
      wrong_pages,
      exit_ms,
    });
  }
}

/** The next target of a region: whole or empty; of a shared device, one region more or less. */
export function targetBytes(layout: Layout, plugged_bytes: number, grow: boolean): number {
  const { region_bytes, slots } = layout;
  if (!layout.one_device) return grow ? region_bytes : 0;
  const max_bytes = region_bytes * slots.length;
  if (grow) return Math.min(max_bytes, roundUp(plugged_bytes + 1, region_bytes));
  return Math.max(0, roundUp(plugged_bytes, region_bytes) - region_bytes);
}

const nameOf = (slot: number): string => `slot-${slot}`;

/** What happens between the first fill and the idle part; the default takes turns one by one. */
export type Measure = (block: Block) => Promise<void>;

/** Stop, unplug, replug, refill: `repetitions` times over the turns of the layout. */
export const takeTurns: Measure = async (block) => {
  const { layout, repetitions, say, signal } = block.context;
  for (let repetition = 1; repetition <= repetitions; repetition += 1) {
    signal?.throwIfAborted();
    const slot = layout.turns[(repetition - 1) % layout.turns.length] ?? 0;
    say(`unplug ${repetition} of ${repetitions}`);
    await block.stop(slot, true);
    await block.resize(slot, 'unplug', repetition);
    await block.resize(slot, 'replug', repetition);
    await block.occupy([slot], 'refill');
  }
};

/** Runs a block to its end. Throws what broke it; its VM is gone either way. */
export async function runBlock(
  context: BlockContext,
  measure: Measure = takeTurns,
): Promise<Omit<BlockLine, 'outcome' | 'reason' | 'console_tail'>> {
  const { plan, layout, spec, hypervisor, say, signal } = context;
  const started_ms = hostClock.nowMs();
  say('boot');
  const bench = await BenchVm.boot(hypervisor, spec, hostClock, signal);
  try {
    const block = new Block(context, bench);
    const slots = layout.slots.map((_, slot) => slot);
    say('first plug');
    for (const slot of slots) await block.resize(slot, 'first-plug', 1);
    say('fill');
    await block.occupy(slots, 'together');
    const { resident_bytes } = await bench.observe();
    const host_huge_bytes = await readHugeBytes(bench.vm.handle.pid);
    const vmm = await readCommand(bench.vm.handle.pid);
    await measure(block);
    say('idle unplug');
    for (const slot of slots) await block.stop(slot, slot !== 0);
    for (const slot of layout.turns) await block.resize(slot, 'idle-unplug', 1);
    return {
      block: plan.block,
      round: plan.round,
      cell: plan.cell,
      started_at_ms: started_ms - context.run_started_ms,
      duration_ms: hostClock.nowMs() - started_ms,
      boot_ms: bench.boot_ms,
      regions: layout.slots.length,
      fill_bytes: layout.slots[0]?.fill_bytes ?? 0,
      rest_fill_bytes: layout.slots[1]?.fill_bytes ?? 0,
      guest_kernel: bench.hello.kernel,
      resident_bytes,
      host_huge_bytes,
      ...vmm,
    };
  } finally {
    await bench.close();
  }
}

/** Resizes of one VM's regions: asked for, told to the core at once, and then put on record. */
import type { Logger } from 'pino';
import type { Clock } from '../../base/clock.ts';
import { LIMITS } from '../../base/limits.ts';
import { DEVICE_BLOCK_BYTES } from '../../base/units.ts';
import { guestClosed } from '../../guest/protocol/errors.ts';
import type { GuestStats } from '../../guest/protocol/protocol.ts';
import type { ResizeOptions, ResizeResult, Vm } from '../../hypervisor-client/vm.ts';
import type { HostEvent, StartStamps } from '../model/events.ts';
import { refusalOf } from '../model/failure.ts';
import { headroomLeft, headroomNeeded } from '../model/headroom.ts';
import { finalBytes } from '../model/operation-queue.ts';
import type { OperationOrder } from '../model/operations.ts';
import type { Operation } from '../model/records.ts';
import { REFUSALS } from '../model/refusals.ts';
import { AGENT_LIMITS } from '../limits.ts';
import { isBug } from '../observe/fail-stop.ts';
import type { Figures, GuestFigures } from '../observe/guest-figures.ts';
import type { MemoryObserver } from '../observe/observations.ts';
import { brokenResize, joined, operationRecord, outcomeOf } from '../observe/operation-record.ts';
import { cededLess, cededNothing, cedesTo } from './free-tail.ts';

export interface ResizesParts {
  readonly vm_id: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly memory: MemoryObserver;
  /** Aborted when the VM ends. */
  readonly signal: AbortSignal;
  /** Null while there is none. */
  readonly vmOf: () => Vm | null;
  /** What the guest calls a region. */
  readonly pciOf: (region_id: string) => string;
  /** Null when the guest tells none. */
  readonly figuresOf: (ask: (figures: GuestFigures) => Promise<Figures>) => Promise<Figures | null>;
  readonly isWatched: () => boolean;
  /** A line of the log at level error; repeated ones are one. */
  readonly tell: (kind: string, fields: Readonly<Record<string, unknown>>, text: string) => void;
  readonly emit: (event: HostEvent) => void;
  readonly publish: (operation: Operation) => void;
}

/** The steps of an operation so far, with the order of the last of them. */
interface Steps {
  readonly order: OperationOrder;
  readonly result: ResizeResult;
  readonly before: Promise<Figures | null>;
}

const NS_PER_MS = 1e6;

/** After a shrink that was cut what is plugged is known at the most: less than is asked for now. */
const knownBytes = ({ from_bytes, to_bytes }: OperationOrder): number =>
  Math.min(from_bytes, to_bytes - DEVICE_BLOCK_BYTES);

export class Resizes {
  readonly #parts: ResizesParts;
  readonly #starts = new Map<string, PromiseWithResolvers<StartStamps | null>>();
  /** The last operation sent for each region: an older one's figures may be of two. */
  readonly #latest = new Map<string, string>();
  /** Operations that are between two steps: what came of those that were made. */
  readonly #steps = new Map<string, Steps>();
  /** Shrinks under way, which end when somebody needs the memory. */
  readonly #shrinks = new Map<string, AbortController>();

  /** Ordinary memory of the guest that plugs under way will need. */
  #promised_bytes = 0;
  /** Waits in each region when it was last asked. */
  readonly #waits = new Map<string, { readonly count: number; readonly ms: number }>();

  constructor(parts: ResizesParts) {
    this.#parts = parts;
  }

  /** What became of the start that the operation is of; null: nothing. */
  started(operation_id: string, stamps: StartStamps | null): void {
    this.#starts.get(operation_id)?.resolve(stamps);
    this.#starts.delete(operation_id);
  }

  /** No start in this VM will come to anything, and no further step of what is between two. */
  startNothing(): void {
    for (const [id] of this.#starts) this.started(id, null);
    for (const { order, result } of this.#steps.values()) {
      const reason = 'its VM ended between two steps';
      const over = {
        ...result,
        requested_bytes: finalBytes(order),
        outcome: 'failed',
        reason,
      } as const;
      const unseen = { start: null, before: null, after: null, waits: null, ended: true } as const;
      const region_pci = this.#parts.pciOf(order.region_id);
      const seen = { seen_resident_bytes: null, region_pci };
      this.#publish(operationRecord({ order, result: over, ...unseen, ...seen }));
    }
    this.#steps.clear();
  }

  /** One that is over means nothing any more. */
  cutShrink(operation_id: string): void {
    this.#shrinks.get(operation_id)?.abort();
  }

  async resize(order: OperationOrder): Promise<void> {
    const { emit, vm_id, memory } = this.#parts;
    this.#latest.set(order.region_id, order.id);
    const start = order.cause === 'start' ? Promise.withResolvers<StartStamps | null>() : null;
    if (start) this.#starts.set(order.id, start);
    // Asked first, so that the guest sees it first; but no resize waits for what a guest says.
    const earlier = this.#steps.get(order.id);
    this.#steps.delete(order.id);
    const before = earlier?.before ?? this.#parts.figuresOf((figures) => figures.counters());
    memory.note();
    const known = memory.last?.regions.find(({ id }) => id === order.region_id);
    const known_bytes = known?.plugged_bytes ?? order.from_bytes;
    const step = await this.#tryResize(order, known_bytes);
    if (step.outcome !== 'failed') memory.learn(step);
    const result = earlier ? joined(earlier.result, step) : step;
    const goes_on = step.outcome === 'done' && finalBytes(order) < order.to_bytes;
    if (goes_on) this.#steps.set(order.id, { order, result, before });
    emit({
      type: 'resized',
      vm_id,
      operation_id: order.id,
      result: outcomeOf(step),
    });
    memory.note();
    if (goes_on) return;
    await this.#record(order, result, await before, start ? await start.promise : null);
  }

  /** An operation ends between two of its steps, of which the last one that was made is told. */
  async endSteps(order: OperationOrder, reason: string): Promise<void> {
    const made = this.#steps.get(order.id);
    if (!made) return;
    this.#steps.delete(order.id);
    const requested_bytes = finalBytes(order);
    const result = { ...made.result, requested_bytes, outcome: 'partial', reason } as const;
    await this.#record(order, result, await made.before, null, true);
  }

  /** Refused where the guest would die of it; else what came of it, whatever that was. */
  async #tryResize(order: OperationOrder, known_bytes: number): Promise<ResizeResult> {
    const { clock } = this.#parts;
    const needed_bytes = this.#headroomOf(order);
    const left_bytes = headroomLeft(this.#parts.memory.stats);
    if (left_bytes !== null && needed_bytes > left_bytes - this.#promised_bytes) {
      const left = left_bytes - this.#promised_bytes;
      const failure = REFUSALS.guestHeadroom(order.region_id, needed_bytes, left, order.to_bytes);
      return { ...brokenResize(order, known_bytes, clock.nowMs(), failure), outcome: 'refused' };
    }
    this.#promised_bytes += needed_bytes;
    try {
      return await this.#callResize(order);
    } catch (error) {
      if (isBug(error)) throw error;
      return brokenResize(order, known_bytes, clock.nowMs(), refusalOf(error));
    } finally {
      this.#promised_bytes -= needed_bytes;
    }
  }

  /** By what the guest told last: no resize waits for it. */
  #headroomOf({ kind, mechanism, region_id, from_bytes, to_bytes }: OperationOrder): number {
    if (kind !== 'plug') return 0;
    const region_pci = this.#parts.pciOf(region_id);
    const asked = { mechanism, region_pci, from_bytes, to_bytes };
    return headroomNeeded(asked, this.#parts.memory.stats);
  }

  async #callResize(order: OperationOrder): Promise<ResizeResult> {
    const { vm_id, signal } = this.#parts;
    const vm = this.#parts.vmOf();
    if (!vm) throw guestClosed(vm_id, 'it is not running.');
    const is_brief = order.cause === 'shrink' || order.cause === 'cede';
    const unplug_ms = is_brief ? AGENT_LIMITS.shrink_ms : LIMITS.unplug_ms;
    const deadline_ms = order.kind === 'plug' ? LIMITS.plug_ms : unplug_ms;
    // Somebody in the guest waits for it.
    const is_waited_for = order.cause === 'grow' || order.cause === 'open';
    const known = is_waited_for ? { known_bytes: knownBytes(order) } : {};
    const options = { deadline_ms, signal, ...known };
    if (order.cause === 'cede') return await this.#cede(vm, order, options);
    if (order.cause !== 'shrink') {
      return await vm.resizeRegion(order.region_id, order.to_bytes, options);
    }
    const cut = new AbortController();
    this.#shrinks.set(order.id, cut);
    try {
      const cuttable = { ...options, cut: cut.signal };
      return await vm.resizeRegion(order.region_id, order.to_bytes, cuttable);
    } finally {
      this.#shrinks.delete(order.id);
    }
  }

  /** What is free of it now: the guest is asked before its VMM. */
  async #cede(vm: Vm, order: OperationOrder, options: ResizeOptions): Promise<ResizeResult> {
    const { clock, figuresOf, pciOf } = this.#parts;
    const region_pci = pciOf(order.region_id);
    const told = await figuresOf((figures) => figures.region(region_pci));
    const to_bytes = cedesTo(
      order,
      told?.stats.partitions.find((one) => one.region_pci === region_pci),
    );
    if (to_bytes >= order.from_bytes && to_bytes > order.to_bytes) {
      return cededNothing(order, clock.nowMs());
    }
    const result = await vm.resizeRegion(order.region_id, to_bytes, options);
    return to_bytes === order.to_bytes ? result : cededLess(order, result);
  }

  async #record(
    order: OperationOrder,
    result: ResizeResult,
    before: Figures | null,
    start: StartStamps | null,
    ended = false,
  ): Promise<void> {
    const { isWatched, memory, signal, pciOf } = this.#parts;
    const looked = isWatched() ? memory.look() : null;
    const region_pci = pciOf(order.region_id);
    const told = signal.aborted ? null : await this.#askUntilAgreed(order, result, region_pci);
    await looked;
    // Another operation of the same region began meanwhile: these figures are not this one's.
    const after = this.#latest.get(order.region_id) === order.id ? (told?.stats ?? null) : null;
    const seen_resident_bytes = looked && after ? this.#residentBytes(order.region_id) : null;
    const waits = this.#waitsOf(order.region_id, after, region_pci);
    const parts = { order, result, start, before, after, waits, seen_resident_bytes, region_pci };
    this.#publish(operationRecord({ ...parts, ...(ended && { ended }) }));
  }

  /**
   * The guest's figures of the region, once it says what the VMM said: it learns of the end of an
   * unplug by an answer of the VMM, which has the new size before the guest has that answer.
   */
  async #askUntilAgreed(
    order: OperationOrder,
    { outcome, plugged_bytes }: ResizeResult,
    region_pci: string,
  ): Promise<Figures | null> {
    const { clock, signal, figuresOf } = this.#parts;
    const end_ms = clock.nowMs() + AGENT_LIMITS.observers_agree_ms;
    for (;;) {
      const told = await figuresOf((figures) => figures.region(region_pci));
      const seen = told?.stats.partitions.find((one) => one.region_pci === region_pci);
      const tells = outcome === 'done' && seen !== undefined && seen.state !== 'stock';
      const agreed = !tells || seen.plugged_bytes === plugged_bytes;
      const overtaken = this.#latest.get(order.region_id) !== order.id;
      if (agreed || overtaken || signal.aborted || clock.nowMs() >= end_ms) return told;
      await clock.sleep(AGENT_LIMITS.observers_look_ms, signal).catch(() => undefined);
    }
  }

  #residentBytes(region_id: string): number | null {
    const { last } = this.#parts.memory;
    return last?.regions.find(({ id }) => id === region_id)?.resident_bytes ?? null;
  }

  /** Waits for growth in a region since it was last asked; a counter that runs back tells none. */
  #waitsOf(
    region_id: string,
    stats: GuestStats | null,
    region_pci: string,
  ): { readonly count: number; readonly ms: number } | null {
    const told = stats?.partitions.find((one) => one.region_pci === region_pci);
    if (told?.grow_waits === undefined || told.grow_wait_ns === undefined) return null;
    const now = { count: told.grow_waits, ms: told.grow_wait_ns / NS_PER_MS };
    const before = this.#waits.get(region_id) ?? { count: 0, ms: 0 };
    this.#waits.set(region_id, now);
    return {
      count: Math.max(0, now.count - before.count),
      ms: Math.max(0, now.ms - before.ms),
    };
  }

  #publish(operation: Operation): void {
    const { id, kind, region_id, outcome, error_code, reason } = operation;
    const line = { op: id, kind, region: region_id, outcome };
    if (error_code === null) this.#parts.log.debug(line, 'operation finished');
    else {
      const err = { code: error_code, message: reason };
      this.#parts.tell(`operation ${kind} ${error_code}`, { ...line, err }, 'operation');
    }
    this.#parts.publish(operation);
  }
}

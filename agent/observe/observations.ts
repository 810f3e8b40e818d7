/** Memory steps of one VM: what was last seen of it, with the core's book beside it. */
import type { Clock } from '../../base/clock.ts';
import type { ResizeResult, VmObservation } from '../../hypervisor-client/vm.ts';
import { AGENT_LIMITS } from '../limits.ts';
import type { MemoryStep } from '../model/records.ts';
import type { FunctionSpec } from '../model/spec.ts';
import type { GuestStats, MemoryEvent } from '../../guest/protocol/protocol.ts';
import { isBug } from './fail-stop.ts';

export interface ObserverOptions {
  readonly clock: Clock;
  readonly spec: FunctionSpec;
  readonly vm_id: string;
  /** Boot memory and permits of this VM, by the core's book, now. */
  readonly committedBytes: () => number;
  readonly observe: () => Promise<VmObservation>;
  readonly publish: (step: MemoryStep) => void;
  readonly isWatched: () => boolean;
}

export class MemoryObserver {
  /** Held while somebody is told of it: of a thousand VMs at rest it would be much. */
  last: VmObservation | null = null;
  stats: GuestStats | null = null;
  readonly #options: ObserverOptions;
  #looking: Promise<void> | null = null;
  #again = false;
  #closed = false;
  /** The last look got no answer: what was seen before it is not told as if it were now. */
  #blind = false;
  #last_at_ms = 0;

  constructor(options: ObserverOptions) {
    this.#options = options;
  }

  /** The book changed: a step at once, with the last known sizes. */
  note(): void {
    if (!this.last || this.#blind || !this.#options.isWatched()) return;
    this.#emit(this.#options.clock.nowMs(), this.last, this.#options.committedBytes());
  }

  /** A guest told by itself what is used of one region: a step, unless one was just told. */
  hear({ region_pci, used_bytes, plugged_bytes }: MemoryEvent): void {
    if (!this.stats) return;
    const partitions = this.stats.partitions.map((one) => {
      if (one.region_pci !== region_pci) return one;
      return { ...one, used_bytes, plugged_bytes: plugged_bytes ?? one.plugged_bytes };
    });
    this.stats = { ...this.stats, partitions };
    if (this.#options.clock.nowMs() - this.#last_at_ms >= AGENT_LIMITS.use_step_ms) this.note();
  }

  /** A resize ended: its result is newer than the last look. */
  learn(result: ResizeResult): void {
    if (!this.last) return;
    if (!this.#options.isWatched()) {
      this.last = null;
      return;
    }
    const { plugged_bytes, requested_bytes } = result;
    let { resident_bytes } = this.last;
    const regions = this.last.regions.map((region) => {
      if (region.id !== result.region_id) return region;
      const now_bytes = result.resident_bytes ?? region.resident_bytes;
      resident_bytes += now_bytes - region.resident_bytes;
      return { ...region, plugged_bytes, requested_bytes, resident_bytes: now_bytes };
    });
    this.last = { ...this.last, regions, resident_bytes: Math.max(0, resident_bytes) };
  }

  /** Looks at the VM and tells what it saw. Calls during a look are served by one more look. */
  look(): Promise<void> {
    if (this.#closed) return Promise.resolve();
    if (this.#looking) {
      this.#again = true;
      return this.#looking;
    }
    this.#looking = this.#lookUntilQuiet().finally(() => {
      this.#looking = null;
    });
    return this.#looking;
  }

  async #lookUntilQuiet(): Promise<void> {
    do {
      this.#again = false;
      const committed_before = this.#options.committedBytes();
      let seen: VmObservation;
      try {
        seen = await this.#options.observe();
        this.#blind = false;
      } catch (error) {
        if (isBug(error)) throw error;
        // A VM that cannot be seen is dying, dead or stopped; its own events tell the core.
        this.#blind = true;
        return;
      }
      // A permit returned during the look may be for bytes that were still there when it began.
      const committed = Math.max(committed_before, this.#options.committedBytes());
      this.last = this.#options.isWatched() ? seen : null;
      if (!this.#closed) this.#emit(seen.observed_at_ms, seen, committed);
    } while (this.#again && !this.#closed);
  }

  /** The VM is gone: one last step, all zeros. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (!this.last) return;
    const { spec, vm_id, clock, publish } = this.#options;
    const nothing = { committed_bytes: 0, plugged_bytes: 0, used_bytes: 0, resident_bytes: 0 };
    const at_ms = this.#stamp(clock.nowMs());
    const regions = { region_resident_bytes: 0, region_used_bytes: 0 };
    publish({ at_ms, function: spec.name, vm_id, ...nothing, ...regions });
  }

  #stamp(at_ms: number): number {
    this.#last_at_ms = Math.max(this.#last_at_ms, at_ms);
    return this.#last_at_ms;
  }

  #emit(at_ms: number, seen: VmObservation, committed_bytes: number): void {
    const { spec, vm_id, publish } = this.#options;
    let plugged_bytes = spec.boot_bytes;
    let region_resident_bytes = 0;
    for (const region of seen.regions) {
      plugged_bytes += region.plugged_bytes;
      region_resident_bytes += region.resident_bytes;
    }
    publish({
      at_ms: this.#stamp(at_ms),
      function: spec.name,
      vm_id,
      committed_bytes,
      plugged_bytes,
      used_bytes: this.stats ? usedBytes(this.stats) : null,
      resident_bytes: seen.resident_bytes,
      region_resident_bytes,
      region_used_bytes: this.stats ? regionUsedBytes(this.stats) : null,
    });
  }
}

/**
 * Memory in use by the guest's word: what is not available of its ordinary memory, and what
 * partitions of their own (`hotmem`, outside MemTotal) have handed out.
 */
function usedBytes(stats: GuestStats): number {
  const used_bytes = Math.max(0, stats.memory_total_bytes - stats.memory_available_bytes);
  return used_bytes + (regionUsedBytes(stats) ?? 0);
}

/** Of regions that are partitions; null: there is none, and others do not tell it. */
function regionUsedBytes({ partitions }: GuestStats): number | null {
  const own = partitions.filter(({ state }) => state !== 'stock');
  return own.length === 0 ? null : own.reduce((sum, { used_bytes }) => sum + used_bytes, 0);
}

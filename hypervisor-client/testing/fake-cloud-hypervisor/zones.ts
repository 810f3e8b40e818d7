/**
 * The virtio-mem device of one zone and the guest's driver for it: a target set from outside, and a
 * plugged size that follows in steps over time, as far as the guest can.
 */
import { ApiError } from './errors.ts';
import { Partitions } from './partitions.ts';
import type { GuestSettings } from './settings.ts';

const BLOCK_BYTES = 2 * 1024 * 1024;

export interface ZoneParts {
  readonly id: string;
  readonly boot_bytes: number;
  readonly hotplug_bytes: number;
  readonly target_bytes: number;
  /** So many partitions a guest makes of it; 1: none, it is ordinary memory. */
  readonly partitions: number;
  readonly settings: () => GuestSettings;
  readonly changed: () => void;
}

export class FakeZone {
  readonly #parts: ZoneParts;
  #boot_bytes: number;
  #target_bytes: number;
  #plugged_bytes = 0;
  #active = false;
  #paused = false;
  #timer: NodeJS.Timeout | null = null;
  readonly #partitions: Partitions | null;

  constructor(parts: ZoneParts) {
    this.#parts = parts;
    const { partitions, hotplug_bytes } = parts;
    this.#partitions = partitions > 1 ? new Partitions(partitions, hotplug_bytes) : null;
    this.#boot_bytes = parts.boot_bytes;
    this.#target_bytes = parts.target_bytes;
  }

  get id(): string {
    return this.#parts.id;
  }

  get boot_bytes(): number {
    return this.#boot_bytes;
  }

  get hotplug_bytes(): number {
    return this.#parts.hotplug_bytes;
  }

  get target_bytes(): number {
    return this.#target_bytes;
  }

  get plugged_bytes(): number {
    return this.#partitions?.plugged_bytes ?? this.#plugged_bytes;
  }

  /** What the host holds of each partition; null: there are none. */
  get partitions(): readonly number[] | null {
    this.#partitions?.use(this.#used());
    return this.#partitions?.resident_bytes ?? null;
  }

  /** What the host holds of the hotplug part. */
  get resident_bytes(): number {
    const { partitions } = this;
    if (partitions) return partitions.reduce((sum, bytes) => sum + bytes, 0);
    const { touched, host_keeps } = this.#parts.settings();
    const held = Math.floor((this.#plugged_bytes * touched) / BLOCK_BYTES) * BLOCK_BYTES;
    return Math.min(this.hotplug_bytes, Math.max(held, host_keeps[this.id] ?? 0));
  }

  /** Before boot a resize changes the boot size. */
  setBoot(bytes: number): void {
    this.#boot_bytes = bytes;
  }

  /** What the device checks, in its words; then the target is stored and the guest is woken. */
  resize(bytes: number): void {
    if (bytes === this.#target_bytes) {
      throw refusal(`new size ${hex(bytes)} and requested_size are identical`);
    }
    if (bytes > this.hotplug_bytes) {
      const most = hex(this.hotplug_bytes);
      throw refusal(`new size ${hex(bytes)} is bigger than region_size ${most}`);
    }
    if (bytes % BLOCK_BYTES !== 0) {
      throw refusal(`new size ${hex(bytes)} is not aligned on block_size ${hex(BLOCK_BYTES)}`);
    }
    this.#target_bytes = bytes;
    this.#schedule(this.#parts.settings().step_ms);
  }

  /** The guest's driver came up, or went away with its guest. */
  setActive(active: boolean): void {
    this.#active = active;
    if (!active) this.#plugged_bytes = 0;
    if (!active) this.#partitions?.clear();
    this.#schedule(0);
  }

  setPaused(paused: boolean): void {
    this.#paused = paused;
    this.#schedule(0);
  }

  /**
   * Partitions that nobody uses any more are given back at once: the last user wakes the driver.
   */
  usersChanged(): void {
    if (this.#partitions) this.#schedule(0);
  }

  stop(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #schedule(delay_ms: number): void {
    this.stop();
    if (!this.#active || this.#paused) return;
    if (this.plugged_bytes === this.#target_bytes) return;
    this.#timer = setTimeout(() => this.#step(), delay_ms);
  }

  #used(): readonly number[] {
    return this.#parts.settings().used[this.id] ?? [];
  }

  #step(): void {
    const settings = this.#parts.settings();
    const moved = this.#partitions?.step(this.#target_bytes, this.#used()) ?? this.#move(settings);
    if (moved) this.#parts.changed();
    this.#schedule(moved ? settings.step_ms : settings.retry_ms);
  }

  /** A step of ordinary memory; false: nothing can be done. */
  #move(settings: GuestSettings): boolean {
    const in_use = settings.in_use[this.id] ?? 0;
    const plug_limit = settings.plug_limit[this.id] ?? this.hotplug_bytes;
    const before = this.#plugged_bytes;
    if (this.#target_bytes > before) {
      const most = Math.max(before, Math.min(this.#target_bytes, plug_limit));
      this.#plugged_bytes = Math.min(most, before + settings.step_bytes);
    } else {
      const least = Math.min(before, Math.max(this.#target_bytes, in_use));
      this.#plugged_bytes = Math.max(least, before - settings.step_bytes);
    }
    return this.#plugged_bytes !== before;
  }
}

const hex = (value: number): string => `0x${value.toString(16)}`;

function refusal(reason: string): ApiError {
  return new ApiError(500, [
    'Error from API',
    'The memory zone could not be resized',
    'Memory manager error',
    'Failed to virtio-mem resize',
    'Resize invalid argument',
    `Failed to update virtio configuration: ResizeError(${reason})`,
  ]);
}

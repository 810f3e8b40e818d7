/**
 * The life of one VM in the hands of its owner, the same under every VMM: held until it is
 * released, there until it ends, and its end is told once.
 */
import { Broadcast } from '../../base/broadcast.ts';
import type { Clock } from '../../base/clock.ts';
import { isAlive, type ProcessExit, type ProcessIdentity } from '../../base/process.ts';
import { vmmError } from '../errors.ts';
import { VMM_EVENTS } from '../events.ts';
import { type BoundedFile, keepBounded } from '../host/bounded-files.ts';
import { readTail, showsPanic } from '../host/log-tail.ts';
import type { MemoryCgroup } from '../host/memory-cgroup.ts';
import type { VmEvent, VmHandle } from '../vm.ts';

export interface VmLifeParts {
  readonly handle: VmHandle;
  readonly clock: Clock;
  readonly console_path: string;
  /** What guest and VMM write without end, kept small until the VM ends or is released. */
  readonly files: readonly BoundedFile[];
  /** How the process ended; null when it is not our child (adopted). */
  readonly exited: (() => Promise<ProcessExit>) | null;
  /** The memory limit around its process; null: it has none. */
  readonly cgroup: Pick<MemoryCgroup, 'overLimitBytes'> | null;
}

export class VmLife {
  readonly events = new Broadcast<VmEvent>(VMM_EVENTS);
  readonly #parts: VmLifeParts;
  readonly #stop = new AbortController();
  readonly #bounding: Promise<void>;
  #is_over = false;
  #panicked = false;
  #reset = false;
  #released = false;
  #shutdown: Promise<void> | null = null;

  constructor(parts: VmLifeParts) {
    this.#parts = parts;
    this.#bounding = keepBounded(parts.files, parts.clock, this.#stop.signal);
  }

  /** Aborted when the VM ended or was released. */
  get stop(): AbortSignal {
    return this.#stop.signal;
  }

  get identity(): ProcessIdentity {
    const { pid, pid_start_ticks } = this.#parts.handle;
    return { pid, start_ticks: pid_start_ticks };
  }

  /** Whether the guest is known to have panicked or reset. */
  get hasPanicked(): boolean {
    return this.#panicked;
  }

  get hasReset(): boolean {
    return this.#reset;
  }

  get isReleased(): boolean {
    return this.#released;
  }

  /** How it was when it ended. */
  get lastState(): 'panicked' | 'stopped' {
    return this.#panicked ? 'panicked' : 'stopped';
  }

  /** Whether its end was told. */
  get isOver(): boolean {
    return this.#is_over;
  }

  /** Whether its process is gone, told or not. */
  async isGone(): Promise<boolean> {
    return this.isOver || !(await isAlive(this.identity));
  }

  /** Throws HP_VMM_RELEASED after the release. */
  assertHeld(): void {
    if (!this.#released) return;
    const { id } = this.#parts.handle.spec;
    throw vmmError('HP_VMM_RELEASED', `VM ${id} was released by its owner.`);
  }

  /** The guest panicked; told once. */
  panic(at_ms: number = this.#parts.clock.nowMs()): void {
    if (this.#panicked) return;
    this.#panicked = true;
    this.events.emit({ type: 'guest-panicked', at_ms });
  }

  /** The guest reset the machine: told at the end, when the console shows no panic. */
  reset(): void {
    this.#reset = true;
  }

  release(): void {
    this.#released = true;
    this.#stop.abort();
  }

  /** The end that the owner asks for: `end` is run once, whoever asks. */
  async shutdown(end: () => Promise<void>): Promise<void> {
    this.assertHeld();
    this.#shutdown ??= end();
    await this.#shutdown;
  }

  /**
   * Waits for the end, tells of it and is over. `untilGone`: false when its end is not to be told;
   * `asksConsole`: whether the console may know of a panic that the VMM did not tell.
   */
  async watch(untilGone: () => Promise<boolean>, asksConsole: () => boolean): Promise<void> {
    const { exited } = this.#parts;
    if (await untilGone()) {
      // The exit code of a process that is not our child cannot be learned.
      const exit = exited ? await exited() : { code: null, signal: null };
      await this.#tellEnd(exit, asksConsole());
    }
    this.#stop.abort();
    await this.#bounding;
    this.events.end();
  }

  async #tellEnd(exit: ProcessExit, asks_console: boolean): Promise<void> {
    const { clock, console_path, cgroup } = this.#parts;
    const at_ms = clock.nowMs();
    const over_limit_bytes = (await cgroup?.overLimitBytes()) ?? null;
    if (!this.#panicked && asks_console && showsPanic(await readTail(console_path))) {
      this.panic(at_ms);
    }
    if (!this.#panicked && this.#reset) this.events.emit({ type: 'guest-reset', at_ms });
    this.#is_over = true;
    const over = over_limit_bytes === null ? {} : { over_limit_bytes };
    this.events.emit({ type: 'exited', at_ms, ...exit, ...over });
  }
}

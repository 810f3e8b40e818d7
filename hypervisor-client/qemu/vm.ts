/** A VM under QEMU. Everything is read from QEMU and the host when asked; nothing is remembered. */
import type { Duplex } from 'node:stream';
import type { Clock } from '../../base/clock.ts';
import { LIMITS } from '../../base/limits.ts';
import { DEVICE_BLOCK_BYTES } from '../../base/units.ts';
import { keepBounded } from '../host/bounded-files.ts';
import { hasCode, vmmError } from '../errors.ts';
import { Broadcast } from '../../base/broadcast.ts';
import { VMM_EVENTS } from '../events.ts';
import { readTail, showsPanic } from '../host/log-tail.ts';
import type { MemoryCgroup } from '../host/memory-cgroup.ts';
import { isAlive, type ProcessExit, waitForEnd } from '../../base/process.ts';
import { endVmm } from '../lifecycle/end-vmm.ts';
import {
  type CallLimit,
  type ResizeOwner,
  type ResizePort,
  resizeOwned,
} from '../resize/runner.ts';
import { cleanRunDir } from '../lifecycle/run-dir.ts';
import { type AddressRange, readProcessResident, readResidency } from '../host/smaps.ts';
import { SharedResidency } from '../host/shared-residency.ts';
import { checkResize, findRegion } from '../spec.ts';
import type {
  Accelerator,
  ResizeOptions,
  ResizeResult,
  Vm,
  VmEvent,
  VmHandle,
  VmObservation,
  VmState,
} from '../vm.ts';
import { GuestChannel } from './guest-channel.ts';
import { filesOf, pciAddressOf } from './layout.ts';
import type { QmpClient } from './qmp.ts';
import { readDevices, readPlugged, setRequested } from './regions.ts';
import { isGuestReset, toVmEvent, toVmState } from './vm-events.ts';

export interface QemuVmParts {
  readonly handle: VmHandle;
  readonly accelerator: Accelerator;
  readonly qmp: QmpClient;
  /** Host addresses of the regions, in the order of the specification. */
  readonly backings: readonly AddressRange[];
  /** How the process ended; null when it is not our child (adopted). */
  readonly exited: (() => Promise<ProcessExit>) | null;
  readonly clock: Clock;
  /** The memory limit around the process, removed after its end. */
  readonly cgroup?: MemoryCgroup | null;
}

export class QemuVm implements Vm {
  readonly #parts: QemuVmParts;
  readonly #events = new Broadcast<VmEvent>(VMM_EVENTS);
  readonly #resizing = new Set<string>();
  /** How often each region was resized. */
  readonly #requests = new Map<string, number>();
  readonly #stop = new AbortController();
  /** Pauses of resizes, by region, to be cut short by news of it. */
  readonly #pauses = new Map<string, () => void>();
  readonly #residency: SharedResidency;
  readonly #channel: GuestChannel;
  readonly #ended: Promise<void>;
  #fate: 'alive' | 'panicked' | 'stopped' = 'alive';
  #panicked = false;
  #reset = false;
  #released = false;
  #shutdown: Promise<void> | null = null;
  readonly #over = new AbortController();
  readonly #bounding: Promise<void>;

  constructor(parts: QemuVmParts) {
    this.#parts = parts;
    const { backings, handle } = parts;
    this.#residency = new SharedResidency((indices) =>
      readResidency(
        handle.pid,
        indices.flatMap((index) => backings[index] ?? []),
      ),
    );
    this.#channel = new GuestChannel(filesOf(parts.handle.spec.run_dir).channel_path);
    this.#ended = this.#watch();
    const { console_path, stdout_path, stderr_path } = filesOf(parts.handle.spec.run_dir);
    const files = [console_path, stdout_path, stderr_path].map((path) => ({ path, appends: true }));
    this.#bounding = keepBounded(files, parts.clock, this.#over.signal);
  }

  get id(): string {
    return this.#parts.handle.spec.id;
  }

  get handle(): VmHandle {
    return this.#parts.handle;
  }

  get accelerator(): Accelerator {
    return this.#parts.accelerator;
  }

  get console_path(): string {
    return filesOf(this.handle.spec.run_dir).console_path;
  }

  async observe(): Promise<VmObservation> {
    this.#assertHeld();
    try {
      return await this.#look();
    } catch (error) {
      if (!(await this.#isEnding(error))) throw error;
      await this.#ended;
      return this.#lastObservation();
    }
  }

  residentBytes(): number {
    return readProcessResident(this.handle.pid);
  }

  async resizeRegion(id: string, bytes: number, options: ResizeOptions): Promise<ResizeResult> {
    this.#assertHeld();
    const { spec } = this.handle;
    const region = findRegion(spec, id);
    checkResize(region, bytes);
    if (this.#resizing.has(id)) {
      throw vmmError('HP_VMM_BUSY', `Region ${id} of VM ${this.id} is being resized.`);
    }
    this.#resizing.add(id);
    try {
      const request = {
        region_id: id,
        target_bytes: bytes,
        max_bytes: region.max_bytes,
        block_bytes: DEVICE_BLOCK_BYTES,
        deadline_ms: options.deadline_ms,
      };
      const port = this.#portOf(id, spec.regions.indexOf(region));
      return await resizeOwned(port, request, this.#ownerOf(id), options.signal);
    } finally {
      this.#resizing.delete(id);
    }
  }

  /** The latest request for a region is whose target it is. */
  #ownerOf(region_id: string): ResizeOwner {
    const number = (this.#requests.get(region_id) ?? 0) + 1;
    this.#requests.set(region_id, number);
    const isOurs = () => this.#requests.get(region_id) === number;
    return { clock: this.#parts.clock, stop: this.#stop.signal, isOurs };
  }

  events(signal?: AbortSignal): AsyncIterable<VmEvent> {
    return this.#events.read(signal);
  }

  async guestChannel(): Promise<Duplex> {
    this.#assertHeld();
    return await this.#channel.open();
  }

  async shutdown(): Promise<void> {
    this.#assertHeld();
    this.#shutdown ??= this.#end();
    await this.#shutdown;
  }

  release(): Promise<void> {
    this.#released = true;
    this.#stop.abort();
    this.#channel.close();
    this.#parts.qmp.close();
    return this.#ended;
  }

  async #end(): Promise<void> {
    const { clock, qmp } = this.#parts;
    const { spec } = this.handle;
    const grace_ms = LIMITS.vm_shutdown_ms;
    // A QEMU that does not answer, or broke on the way out, is ended by signals.
    await qmp.quit({ deadline_ms: grace_ms }).catch(() => undefined);
    const left = await waitForEnd(this.#identity, clock, qmp.isClosed ? grace_ms : 0);
    if (!left) await endVmm(this.#identity, clock, grace_ms);
    qmp.close();
    this.#channel.close();
    await this.#ended;
    await this.#parts.cgroup?.remove();
    const files = filesOf(spec.run_dir);
    await cleanRunDir(spec.run_dir, [files.qmp_path, files.channel_path]);
  }

  get #identity() {
    return { pid: this.handle.pid, start_ticks: this.handle.pid_start_ticks };
  }

  #assertHeld(): void {
    if (!this.#released) return;
    throw vmmError('HP_VMM_RELEASED', `VM ${this.id} was released by its owner.`);
  }

  /** QEMU closes its end before its process is gone, so a closed connection is waited for. */
  async #isEnding(error: unknown): Promise<boolean> {
    if (hasCode(error, 'HP_QMP_CLOSED')) {
      await waitForEnd(this.#identity, this.#parts.clock, LIMITS.vm_shutdown_ms);
    }
    return this.#fate !== 'alive' || !(await isAlive(this.#identity));
  }

  async #look(): Promise<VmObservation> {
    const { qmp, backings, clock } = this.#parts;
    const { spec, pid } = this.handle;
    const [devices, state] = await Promise.all([readDevices(qmp, spec), this.#state()]);
    const resident = readResidency(pid, backings);
    return {
      state,
      regions: spec.regions.map(({ id, max_bytes }, index) => ({
        id,
        max_bytes,
        requested_bytes: devices[index]?.requested_bytes ?? 0,
        plugged_bytes: devices[index]?.plugged_bytes ?? 0,
        resident_bytes: resident[index] ?? 0,
        pci_address: pciAddressOf(index),
      })),
      resident_bytes: readProcessResident(pid),
      observed_at_ms: clock.nowMs(),
    };
  }

  async #state(): Promise<VmState> {
    const answer = await this.#parts.qmp.execute('query-status');
    const known = typeof answer === 'object' && answer !== null && 'status' in answer;
    return this.#panicked ? 'panicked' : toVmState(known ? answer.status : null);
  }

  /** Nothing of the VM is left, so it holds nothing of the host. */
  #lastObservation(): VmObservation {
    return {
      state: this.#fate === 'panicked' ? 'panicked' : 'stopped',
      regions: this.handle.spec.regions.map(({ id, max_bytes }, index) => ({
        id,
        max_bytes,
        requested_bytes: 0,
        plugged_bytes: 0,
        resident_bytes: 0,
        pci_address: pciAddressOf(index),
      })),
      resident_bytes: 0,
      observed_at_ms: this.#parts.clock.nowMs(),
    };
  }

  #portOf(region_id: string, index: number): ResizePort {
    const { qmp } = this.#parts;
    const setTarget = async (bytes: number, limit: CallLimit) => {
      await this.#tellIfGone(setRequested(qmp, region_id, bytes, { deadline_ms: limit() }));
    };
    const look = async (resident: boolean, limit: CallLimit) => {
      const plugged_bytes = await readPlugged(qmp, region_id, { deadline_ms: limit() });
      if (!resident) return { plugged_bytes, resident_bytes: null };
      return { plugged_bytes, resident_bytes: await this.#residency.of(index) };
    };
    return {
      setTarget,
      nudge: setTarget,
      look: async (resident, limit) => await this.#tellIfGone(look(resident, limit)),
      onNews: (wake) => {
        this.#pauses.set(region_id, wake);
        return () => this.#pauses.delete(region_id);
      },
    };
  }

  /** A connection that broke because the VM ended is told as that. */
  async #tellIfGone<T>(call: Promise<T>): Promise<T> {
    try {
      return await call;
    } catch (error) {
      if (!hasCode(error, 'HP_QMP_CLOSED') || !(await this.#isEnding(error))) throw error;
      throw vmmError('HP_VMM_GONE', `VM ${this.id} ended.`, { cause: error });
    }
  }

  /** Passes events on until QEMU closes its end, then tells how it ended. Never rejects. */
  async #watch(): Promise<void> {
    const { qmp, clock, exited } = this.#parts;
    for await (const event of qmp.events()) {
      this.#reset ||= isGuestReset(event);
      this.#panicked ||= event.name === 'GUEST_PANICKED';
      const told = toVmEvent(event, this.handle.spec, clock.nowMs());
      if (told?.type === 'region-size') this.#pauses.get(told.region_id)?.();
      if (told) this.#events.emit(told);
    }
    if (!this.#released) {
      // The exit code of a process that is not our child cannot be learned.
      const end = exited ? await exited() : { code: null, signal: null };
      const gone = await waitForEnd(this.#identity, clock, LIMITS.vm_shutdown_ms);
      if (gone) await this.#tellEnd(end);
    }
    this.#over.abort();
    await this.#bounding;
    this.#events.end();
  }

  async #tellEnd(exit: ProcessExit): Promise<void> {
    const at_ms = this.#parts.clock.nowMs();
    // Last events are lost when a command meets the end of the connection, so the console decides.
    if (!this.#panicked) {
      this.#panicked = showsPanic(await readTail(this.console_path));
      if (this.#panicked) this.#events.emit({ type: 'guest-panicked', at_ms });
      else if (this.#reset) this.#events.emit({ type: 'guest-reset', at_ms });
    }
    this.#fate = this.#panicked ? 'panicked' : 'stopped';
    this.#events.emit({ type: 'exited', at_ms, ...exit });
  }
}

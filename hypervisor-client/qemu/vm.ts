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
import { type ResizeOwner, resizeOwned } from '../resize/runner.ts';
import { cleanRunDir } from '../lifecycle/run-dir.ts';
import { regionsAt } from '../resize/places.ts';
import { unasked } from '../resize/unasked.ts';
import { Turn } from '../lifecycle/turn.ts';
import { type AddressRange, readProcessResident } from '../host/smaps.ts';
import { checkResize, findRegion, isShared, type PlacedRegion } from '../spec.ts';
import type {
  Accelerator,
  ResizeOptions,
  ResizeResult,
  Vm,
  VmEvent,
  VmHandle,
  VmObservation,
  VmRunState,
} from '../vm.ts';
import { SerialChannel } from './guest-channel.ts';
import { qemuFiles, pciAddressOf } from './layout.ts';
import type { QmpClient } from './qmp.ts';
import { QemuMemory } from './memory.ts';
import { isGuestReset, toVmEvent, toVmState } from './vm-events.ts';

export interface QemuVmParts {
  readonly handle: VmHandle;
  readonly accelerator: Accelerator;
  readonly qmp: QmpClient;
  /** Host addresses of the devices, in the order of the specification. */
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
  readonly #memory: QemuMemory;
  /** Of devices with several regions, which move one after another. */
  readonly #turns = new Map<string, Turn>();
  readonly #channel: SerialChannel;
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
    const { backings, handle, qmp } = parts;
    const { spec, pid } = handle;
    const tellIfGone = async <T>(call: Promise<T>) => await this.#tellIfGone(call);
    this.#memory = new QemuMemory({ qmp, spec, pid, backings, tellIfGone });
    this.#channel = new SerialChannel(qemuFiles(spec.run_dir).channel_path);
    this.#ended = this.#watch();
    const { console_path, stdout_path, stderr_path } = qemuFiles(spec.run_dir);
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
    return qemuFiles(this.handle.spec.run_dir).console_path;
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
    const placed = findRegion(this.handle.spec, id);
    checkResize(placed, bytes);
    if (this.#resizing.has(id)) {
      throw vmmError('HP_VMM_BUSY', `Region ${id} of VM ${this.id} is being resized.`);
    }
    this.#resizing.add(id);
    try {
      if (isShared(placed.device)) return await this.#resizeInTurn(placed, bytes, options);
      return await this.#resize(placed, { target_bytes: bytes, ...options });
    } finally {
      this.#resizing.delete(id);
    }
  }

  async #resizeInTurn(
    placed: PlacedRegion,
    target_bytes: number,
    options: ResizeOptions,
  ): Promise<ResizeResult> {
    const { clock } = this.#parts;
    const { device, region } = placed;
    const turn = this.#turns.get(device.id) ?? new Turn();
    this.#turns.set(device.id, turn);
    const requested_at_ms = clock.nowMs();
    const request = { target_bytes, requested_at_ms, ...options };
    const work = async () => await this.#resize(placed, request);
    const result = await turn.take(work, clock, options.deadline_ms);
    if (result) return result;
    const before_bytes = this.#memory.pluggedAtMost(placed);
    return unasked(
      { region_id: region.id, target_bytes, before_bytes, requested_at_ms },
      { now_ms: clock.nowMs(), where: `device ${device.id}` },
    );
  }

  async #resize(
    placed: PlacedRegion,
    {
      signal,
      ...request
    }: ResizeOptions & {
      readonly target_bytes: number;
      readonly requested_at_ms?: number;
    },
  ): Promise<ResizeResult> {
    const { id: region_id, max_bytes } = placed.region;
    const shares = isShared(placed.device);
    const whole = {
      ...request,
      region_id,
      max_bytes,
      block_bytes: shares ? max_bytes : DEVICE_BLOCK_BYTES,
      withdraws_unplug: shares,
    };
    const port = this.#memory.portOf(placed);
    return await resizeOwned(port, whole, this.#ownerOf(region_id), signal);
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
    const files = qemuFiles(spec.run_dir);
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
    const [{ devices, regions }, state] = await Promise.all([
      this.#memory.observe(),
      this.#state(),
    ]);
    return {
      state,
      devices,
      regions,
      resident_bytes: readProcessResident(this.handle.pid),
      observed_at_ms: this.#parts.clock.nowMs(),
    };
  }

  async #state(): Promise<VmRunState> {
    const answer = await this.#parts.qmp.execute('query-status');
    const known = typeof answer === 'object' && answer !== null && 'status' in answer;
    return this.#panicked ? 'panicked' : toVmState(known ? answer.status : null);
  }

  /** Nothing of the VM is left, so it holds nothing of the host. */
  #lastObservation(): VmObservation {
    const { spec } = this.handle;
    return {
      state: this.#fate === 'panicked' ? 'panicked' : 'stopped',
      devices: spec.devices.map(({ id }) => ({ id, requested_bytes: 0, plugged_bytes: 0 })),
      regions: regionsAt(spec, [], pciAddressOf),
      resident_bytes: 0,
      observed_at_ms: this.#parts.clock.nowMs(),
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
      if (told?.type === 'device-size') this.#memory.wake(told.device_id);
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

/** A VM under Cloud Hypervisor. */
import type { Duplex } from 'node:stream';
import type { Clock } from '../../../base/clock.ts';
import { LIMITS } from '../../../base/limits.ts';
import { CH_LIMITS } from '../limits.ts';
import { VMM_LIMITS } from '../../limits.ts';
import { isHotplaneError } from '../../../base/errors.ts';
import { DEVICE_BLOCK_BYTES } from '../../../base/units.ts';
import { waitFor } from '../../../base/wait.ts';
import { PROTOCOL } from '../../../guest/protocol/constants.ts';
import { vmmError } from '../../errors.ts';
import { keepBounded } from '../../host/bounded-files.ts';
import { Broadcast } from '../../../base/broadcast.ts';
import { VMM_EVENTS } from '../../events.ts';
import { readTail, showsPanic } from '../../host/log-tail.ts';
import type { MemoryCgroup } from '../../host/memory-cgroup.ts';
import { isAlive, type ProcessExit, waitForEnd } from '../../../base/process.ts';
import { endVmm } from '../../lifecycle/end-vmm.ts';
import { regionRanges } from '../../resize/places.ts';
import { unasked } from '../../resize/unasked.ts';
import { type CallLimit, type ResizeOwner, resizeOwned } from '../../resize/runner.ts';
import { cleanRunDir } from '../../lifecycle/run-dir.ts';
import type { AddressRange } from '../../host/smaps.ts';
import { checkResize, findRegion, isShared, type PlacedRegion } from '../../spec.ts';
import type {
  Accelerator,
  ResizeOptions,
  ResizeResult,
  Vm,
  VmEvent,
  VmHandle,
  VmObservation,
} from '../../vm.ts';
import type { CloudHypervisor } from '../client.ts';
import { sentState } from '../../rest/server.ts';
import { chFiles, socketsOf, zoneOf } from './layout.ts';
import { mostBytes, type WantedTarget } from './book.ts';
import { VmMemory } from './memory.ts';
import { lastObservation, observationOf } from './observation.ts';
import { readZoneResidency, readResidentBytes } from './residency.ts';
import { ChRegions } from './regions.ts';
import { ServerEvents, type ServerNews } from './server-events.ts';
import { Turn } from '../../lifecycle/turn.ts';
import { VsockChannel } from '../../vsock/channel.ts';
import { waitUntilGone } from '../../lifecycle/watch.ts';

export interface ChVmParts {
  readonly handle: VmHandle;
  readonly ch: CloudHypervisor;
  /** Host addresses and guest addresses of the devices, in the order of the specification. */
  readonly backings: readonly AddressRange[];
  readonly pci_addresses: readonly string[];
  /** How the process ended; null when it is not our child (adopted). */
  readonly exited: (() => Promise<ProcessExit>) | null;
  readonly cgroup: MemoryCgroup | null;
  readonly clock: Clock;
  readonly proc_root: string;
}

interface ResizeOrder {
  readonly placed: PlacedRegion;
  readonly target_bytes: number;
  readonly asked_at_ms: number;
  readonly deadline_ms: number;
  readonly owner: ResizeOwner;
}

export class CloudHypervisorVm implements Vm {
  readonly accelerator: Accelerator = 'kvm';
  readonly #parts: ChVmParts;
  readonly #memory: VmMemory;
  readonly #hub = new Broadcast<VmEvent>(VMM_EVENTS);
  readonly #resizing = new Set<string>();
  readonly #regions: ChRegions;
  /** Devices whose driver in the guest was waited for. */
  readonly #waited = new Set<string>();
  readonly #turn = new Turn();
  /** How often each region was resized. */
  readonly #requests = new Map<string, number>();
  readonly #events: ServerEvents;
  readonly #channel: VsockChannel;
  readonly #stop = new AbortController();
  readonly #ended: Promise<void>;
  #fate: 'alive' | 'stopped' | 'panicked' = 'alive';
  #panicked = false;
  #reset = false;
  #released = false;
  #shutdown: Promise<void> | null = null;
  readonly #bounding: Promise<void>;

  constructor(parts: ChVmParts) {
    this.#parts = parts;
    const { backings, proc_root } = parts;
    const { spec, pid } = parts.handle;
    const files = chFiles(spec.run_dir);
    this.#memory = new VmMemory(parts.ch, spec, (device_id, plugged_bytes) => {
      const at_ms = parts.clock.nowMs();
      this.#hub.emit({ type: 'device-size', at_ms, device_id, plugged_bytes });
    });
    const memory = this.#memory;
    const told = async <T>(work: () => Promise<T>) => await this.#told(work);
    this.#regions = new ChRegions({ memory, spec, pid, backings, proc_root, told });
    this.#channel = new VsockChannel({
      path: files.vsock_path,
      port: PROTOCOL.vsock_port,
      clock: parts.clock,
    });
    this.#ended = this.#watch();
    // The server writes the console at its own offset, and appends to its output.
    this.#bounding = keepBounded(
      [
        { path: files.console_path, appends: false },
        { path: files.stdout_path, appends: true },
        { path: files.stderr_path, appends: true },
      ],
      parts.clock,
      this.#stop.signal,
    );
    this.#events = new ServerEvents(files.events_path, (news) => this.#take(news));
  }

  get id(): string {
    return this.handle.spec.id;
  }

  get handle(): VmHandle {
    return this.#parts.handle;
  }

  get console_path(): string {
    return chFiles(this.handle.spec.run_dir).console_path;
  }

  async observe(): Promise<VmObservation> {
    this.#assertHeld();
    const { handle, backings, pci_addresses, proc_root, clock } = this.#parts;
    if (this.#fate !== 'alive') return this.#lastObservation();
    try {
      const [{ info, book }, residency] = await Promise.all([
        this.#memory.read(),
        readZoneResidency(proc_root, handle.pid, regionRanges(handle.spec, backings)),
      ]);
      return observationOf({
        spec: handle.spec,
        info,
        book,
        sizes: this.#regions.sizesOf(book, residency.ranges),
        resident_bytes: residency.resident_bytes,
        pci_addresses,
        panicked: this.#panicked,
        at_ms: clock.nowMs(),
      });
    } catch (error) {
      if (!(await this.#isGone(error))) throw error;
      await this.#ended;
      return this.#lastObservation();
    }
  }

  residentBytes(): number {
    return readResidentBytes(this.#parts.proc_root, this.handle.pid);
  }

  async resizeRegion(id: string, bytes: number, options: ResizeOptions): Promise<ResizeResult> {
    this.#assertHeld();
    const placed = findRegion(this.handle.spec, id);
    checkResize(placed, bytes);
    if (this.#resizing.has(id)) {
      throw vmmError('HP_VMM_BUSY', `Region ${id} of VM ${this.id} is being resized.`);
    }
    this.#resizing.add(id);
    const { clock } = this.#parts;
    const asked_at_ms = clock.nowMs();
    const owner = this.#ownerOf(id);
    const { deadline_ms, signal } = options;
    const order = { placed, target_bytes: bytes, asked_at_ms, deadline_ms, owner };
    try {
      const result = await this.#turn.take(() => this.#resize(order, signal), clock, deadline_ms);
      return result ?? this.#neverAsked(order);
    } finally {
      this.#resizing.delete(id);
    }
  }

  events(signal?: AbortSignal): AsyncIterable<VmEvent> {
    return this.#hub.read(signal);
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

  async release(): Promise<void> {
    this.#released = true;
    this.#stop.abort();
    this.#channel.close();
    this.#events.close();
    await this.#parts.ch.close();
    await this.#ended;
  }

  /** The latest request for a region is whose target it is. */
  #ownerOf(region_id: string): ResizeOwner {
    const number = (this.#requests.get(region_id) ?? 0) + 1;
    this.#requests.set(region_id, number);
    const isOurs = () => this.#requests.get(region_id) === number;
    return { clock: this.#parts.clock, stop: this.#stop.signal, isOurs };
  }

  #neverAsked({ placed, target_bytes, asked_at_ms: requested_at_ms }: ResizeOrder): ResizeResult {
    const { id: region_id } = placed.region;
    const before_bytes = this.#regions.pluggedAtMost(placed);
    const by = { now_ms: this.#parts.clock.nowMs(), where: `VM ${this.id}` };
    return unasked({ region_id, target_bytes, before_bytes, requested_at_ms }, by);
  }

  async #resize(order: ResizeOrder, signal: AbortSignal | undefined): Promise<ResizeResult> {
    const { clock } = this.#parts;
    const { placed, target_bytes, asked_at_ms, deadline_ms, owner } = order;
    const { device, region } = placed;
    const end_ms = asked_at_ms + deadline_ms;
    const left = (): number => Math.max(0, end_ms - clock.nowMs());
    const port = this.#regions.portOf(placed);
    const shared = isShared(device);
    this.#memory.moving = device.id;
    try {
      await this.#prepare(placed, target_bytes, left, signal);
      const { id: region_id, max_bytes } = region;
      const block_bytes = shared ? max_bytes : DEVICE_BLOCK_BYTES;
      const sizes = { region_id, target_bytes, max_bytes, block_bytes, withdraws_unplug: shared };
      // From the call on, its wait for the turn and for others included: whoever asked has waited.
      const request = { ...sizes, deadline_ms, requested_at_ms: asked_at_ms };
      const result = await resizeOwned(port, request, owner, signal);
      const rest = () => Math.max(1, end_ms + VMM_LIMITS.resize_overrun_ms - clock.nowMs());
      const kept = shared ? null : { device_id: device.id, bytes: result.plugged_bytes };
      await this.#limit(kept, rest).catch(() => undefined);
      return result;
    } finally {
      this.#memory.moving = null;
    }
  }

  /** Trouble here shows again in the resize itself, which makes an outcome of it. */
  async #prepare(
    { device }: PlacedRegion,
    target_bytes: number,
    left: () => number,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    try {
      const { requested_bytes, plugged_bytes } = await this.#memory.readDevice(device.id, left);
      const shared = isShared(device);
      const bytes = shared ? requested_bytes + target_bytes : target_bytes;
      if (!shared && requested_bytes === bytes && plugged_bytes === bytes) return;
      await this.#waitActive(device.id, left(), signal);
      await this.#settleOthers(device.id, left, signal);
      await this.#limit({ device_id: device.id, bytes }, left);
    } catch (error) {
      if (!isHotplaneError(error)) throw error;
    }
  }

  /** A server that went away says so by its end, not by a broken connection. */
  async #told<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!(await this.#isGone(error))) throw error;
      throw vmmError('HP_VMM_GONE', `VM ${this.id} ended.`, { cause: error });
    }
  }

  /**
   * A target set before the guest's driver is up acts on its probe: late, but not lost. Events may
   * be, so the wait takes at most half of the time there is, and only once.
   */
  async #waitActive(device_id: string, left_ms: number, signal?: AbortSignal): Promise<void> {
    if (this.#waited.has(device_id)) return;
    this.#waited.add(device_id);
    const most_ms = Math.min(left_ms / 2, CH_LIMITS.driver_active_ms);
    const until = AbortSignal.any([this.#stop.signal, ...(signal ? [signal] : [])]);
    await this.#events.waitActive(zoneOf(device_id), this.#parts.clock, most_ms, until);
  }

  /** Only the device in its turn may move: others that grow are waited for, then parked. */
  async #settleOthers(device_id: string, left: CallLimit, signal?: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    const growing = (): boolean =>
      this.#memory.unsettled(device_id).some((one) => one.requested_bytes > one.plugged_bytes);
    const deadline_ms = Math.min(left(), CH_LIMITS.settle_ms);
    if (growing()) {
      const settled = async (): Promise<true | null> => {
        await this.#memory.read(left);
        return signal?.aborted || !growing() ? true : null;
      };
      await waitFor(settled, { clock, deadline_ms });
    }
    for (const entry of this.#memory.unsettled(device_id)) {
      await this.#regions.park(entry, left);
    }
  }

  /** The limit of the host: everything plugged or asked for, with `wanted` for one device. */
  async #limit(wanted: WantedTarget | null, limit: CallLimit): Promise<void> {
    const { cgroup, handle } = this.#parts;
    if (!cgroup) return;
    const { book } = await this.#memory.read(limit);
    const guest_bytes = handle.spec.boot_bytes + mostBytes(book, wanted);
    await cgroup.limit(guest_bytes, CH_LIMITS.cgroup_slack_bytes);
  }

  #take(news: ServerNews): void {
    const at_ms = this.#parts.clock.nowMs();
    if (news === 'panic' && !this.#panicked) {
      this.#panicked = true;
      this.#hub.emit({ type: 'guest-panicked', at_ms });
    }
    if (news === 'reset') this.#reset = true;
    // A guest that panicked or reset is over under the other driver: nothing may tell them apart.
    if (!this.#released) void this.shutdown().catch(() => undefined);
  }

  async #end(): Promise<void> {
    const { clock, ch, cgroup } = this.#parts;
    const { run_dir } = this.handle.spec;
    const grace_ms = LIMITS.vm_shutdown_ms;
    const polite = await ch.vmm.shutdown({ deadline_ms: grace_ms }).then(
      () => true,
      (error: unknown) => sentState(error) === 'maybe',
    );
    const gone = await waitForEnd(this.#identity, clock, polite ? grace_ms : 0);
    if (!gone) await endVmm(this.#identity, clock, grace_ms);
    this.#channel.close();
    this.#events.close();
    await ch.close();
    await this.#ended;
    await cgroup?.remove();
    await cleanRunDir(run_dir, [...socketsOf(run_dir), chFiles(run_dir).backings_path]);
  }

  /** Waits for the end of the process and tells of it. Never rejects. */
  async #watch(): Promise<void> {
    const { exited, clock, handle } = this.#parts;
    const { api_path } = chFiles(handle.spec.run_dir);
    try {
      await waitUntilGone(this.#identity, api_path, clock, this.#stop.signal);
    } catch {
      return this.#hub.end();
    }
    // The exit code of a process that is not our child cannot be learned.
    const exit = exited ? await exited() : { code: null, signal: null };
    await this.#tellEnd(exit);
    this.#stop.abort();
    await this.#bounding;
    this.#hub.end();
  }

  async #tellEnd(exit: ProcessExit): Promise<void> {
    const at_ms = this.#parts.clock.nowMs();
    if (this.#reset && !this.#panicked) {
      this.#panicked = showsPanic(await readTail(this.console_path));
      this.#hub.emit({ type: this.#panicked ? 'guest-panicked' : 'guest-reset', at_ms });
    }
    this.#fate = this.#panicked ? 'panicked' : 'stopped';
    this.#hub.emit({ type: 'exited', at_ms, ...exit });
  }

  get #identity() {
    return { pid: this.handle.pid, start_ticks: this.handle.pid_start_ticks };
  }

  #lastObservation(): VmObservation {
    const { handle, pci_addresses, clock } = this.#parts;
    const state = this.#fate === 'panicked' ? 'panicked' : 'stopped';
    return lastObservation(handle.spec, pci_addresses, state, clock.nowMs());
  }

  #assertHeld(): void {
    if (!this.#released) return;
    throw vmmError('HP_VMM_RELEASED', `VM ${this.id} was released by its owner.`);
  }

  /**
   * True when the process ended, or is about to: a server on its way out closes its socket first.
   */
  async #isGone(error: unknown): Promise<boolean> {
    if (this.#fate !== 'alive' || !(await isAlive(this.#identity))) return true;
    const code = error instanceof Error && 'code' in error ? error.code : null;
    if (code !== 'HP_CH_CLOSED' && code !== 'HP_CH_CONNECT' && code !== 'HP_VMM_GONE') return false;
    return await waitForEnd(this.#identity, this.#parts.clock, VMM_LIMITS.watch_again_ms);
  }
}

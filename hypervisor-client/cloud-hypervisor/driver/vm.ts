/** A VM under Cloud Hypervisor. */
import type { Duplex } from 'node:stream';
import type { Clock } from '../../../base/clock.ts';
import { LIMITS } from '../../../base/limits.ts';
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
import {
  type CallLimit,
  type ResizeOwner,
  type ResizePort,
  resizeOwned,
} from '../../resize/runner.ts';
import { cleanRunDir } from '../../lifecycle/run-dir.ts';
import type { AddressRange } from '../../host/smaps.ts';
import { checkResize, findRegion } from '../../spec.ts';
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
import { sentState } from '../errors.ts';
import { filesOf, socketsOf, zoneOf } from './layout.ts';
import { VmMemory } from './memory.ts';
import { lastObservation, observationOf } from './observation.ts';
import { readResidency, readResidentBytes } from './residency.ts';
import { ServerEvents, type ServerNews } from './server-events.ts';
import { Turn } from '../../lifecycle/turn.ts';
import { VsockChannel } from '../../vsock/channel.ts';
import { waitUntilGone } from '../../lifecycle/watch.ts';

export interface ChVmParts {
  readonly handle: VmHandle;
  readonly ch: CloudHypervisor;
  /** Host addresses and guest addresses of the regions, in the order of the specification. */
  readonly backings: readonly AddressRange[];
  readonly pci_addresses: readonly string[];
  /** How the process ended; null when it is not our child (adopted). */
  readonly exited: (() => Promise<ProcessExit>) | null;
  readonly cgroup: MemoryCgroup | null;
  readonly clock: Clock;
  readonly proc_root: string;
}

interface ResizeOrder {
  readonly id: string;
  readonly bytes: number;
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
  /** Regions whose driver in the guest was waited for. */
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
    const { spec } = parts.handle;
    const files = filesOf(spec.run_dir);
    this.#memory = new VmMemory(parts.ch, spec, (region_id, plugged_bytes) => {
      const at_ms = parts.clock.nowMs();
      this.#hub.emit({ type: 'region-size', at_ms, region_id, plugged_bytes });
    });
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
    return filesOf(this.handle.spec.run_dir).console_path;
  }

  async observe(): Promise<VmObservation> {
    this.#assertHeld();
    const { handle, backings, pci_addresses, proc_root, clock } = this.#parts;
    if (this.#fate !== 'alive') return this.#lastObservation();
    try {
      const [{ info, book }, residency] = await Promise.all([
        this.#memory.read(),
        readResidency(proc_root, handle.pid, backings),
      ]);
      const panicked = this.#panicked;
      return observationOf({
        info,
        book,
        residency,
        pci_addresses,
        panicked,
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
    checkResize(findRegion(this.handle.spec, id), bytes);
    if (this.#resizing.has(id)) {
      throw vmmError('HP_VMM_BUSY', `Region ${id} of VM ${this.id} is being resized.`);
    }
    this.#resizing.add(id);
    const { clock } = this.#parts;
    const asked_at_ms = clock.nowMs();
    const owner = this.#ownerOf(id);
    const order = { id, bytes, asked_at_ms, deadline_ms: options.deadline_ms, owner };
    try {
      const work = () => this.#resize(order, options.signal);
      const result = await this.#turn.take(work, clock, options.deadline_ms);
      return result ?? this.#memory.refusal(id, bytes, asked_at_ms, clock.nowMs());
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

  async #resize(order: ResizeOrder, signal: AbortSignal | undefined): Promise<ResizeResult> {
    const { clock } = this.#parts;
    const { id: region_id, bytes: target_bytes, asked_at_ms, deadline_ms, owner } = order;
    const end_ms = asked_at_ms + deadline_ms;
    const left = (): number => Math.max(0, end_ms - clock.nowMs());
    const port = this.#portOf(region_id);
    this.#memory.moving = region_id;
    const { max_bytes } = findRegion(this.handle.spec, region_id);
    try {
      await this.#prepare(region_id, target_bytes, left, signal);
      const block_bytes = DEVICE_BLOCK_BYTES;
      const sizes = { region_id, target_bytes, max_bytes, block_bytes };
      // From the call on, its wait for the turn and for others included: whoever asked has waited.
      const request = { ...sizes, deadline_ms, requested_at_ms: asked_at_ms };
      const result = await resizeOwned(port, request, owner, signal);
      const rest = () => Math.max(1, end_ms + LIMITS.resize_overrun_ms - clock.nowMs());
      await this.#limit(region_id, result.plugged_bytes, rest).catch(() => undefined);
      return result;
    } finally {
      this.#memory.moving = null;
    }
  }

  /** Trouble here shows again in the resize itself, which makes an outcome of it. */
  async #prepare(
    region_id: string,
    target_bytes: number,
    left: () => number,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    try {
      const before = await this.#memory.readRegion(region_id, left);
      if (before.requested_bytes === target_bytes && before.plugged_bytes === target_bytes) return;
      await this.#waitActive(region_id, left(), signal);
      await this.#settleOthers(region_id, left, signal);
      await this.#limit(region_id, target_bytes, left);
    } catch (error) {
      if (!isHotplaneError(error)) throw error;
    }
  }

  #portOf(region_id: string): ResizePort {
    const { spec, pid } = this.handle;
    const { backings, proc_root } = this.#parts;
    const range = backings[spec.regions.findIndex(({ id }) => id === region_id)];
    return {
      setTarget: (bytes, limit) =>
        this.#told(() => this.#memory.setTarget(region_id, bytes, limit)),
      nudge: (bytes, limit) => this.#told(() => this.#memory.nudge(region_id, bytes, limit)),
      look: (resident, limit) =>
        this.#told(async () => {
          const { plugged_bytes } = await this.#memory.readRegion(region_id, limit);
          if (!resident || !range) return { plugged_bytes, resident_bytes: null };
          const { ranges } = await readResidency(proc_root, pid, [range]);
          return { plugged_bytes, resident_bytes: ranges[0] ?? 0 };
        }),
    };
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
  async #waitActive(region_id: string, left_ms: number, signal?: AbortSignal): Promise<void> {
    if (this.#waited.has(region_id)) return;
    this.#waited.add(region_id);
    const most_ms = Math.min(left_ms / 2, LIMITS.ch_driver_active_ms);
    const until = AbortSignal.any([this.#stop.signal, ...(signal ? [signal] : [])]);
    await this.#events.waitActive(zoneOf(region_id), this.#parts.clock, most_ms, until);
  }

  /** Only the region in its turn may move: others that grow are waited for, then parked. */
  async #settleOthers(region_id: string, left: CallLimit, signal?: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    const growing = (): boolean =>
      this.#memory.unsettled(region_id).some((one) => one.requested_bytes > one.plugged_bytes);
    const deadline_ms = Math.min(left(), LIMITS.ch_settle_ms);
    if (growing()) {
      const settled = async (): Promise<true | null> => {
        await this.#memory.read(left);
        return signal?.aborted || !growing() ? true : null;
      };
      await waitFor(settled, { clock, deadline_ms });
    }
    for (const entry of this.#memory.unsettled(region_id)) await this.#memory.park(entry, left);
  }

  /** The limit of the host: everything plugged or asked for, with `bytes` for this region. */
  async #limit(region_id: string, bytes: number, limit: CallLimit): Promise<void> {
    const { cgroup, handle } = this.#parts;
    if (!cgroup) return;
    const { book } = await this.#memory.read(limit);
    const guest_bytes = book.reduce((sum, entry) => {
      const most = Math.max(entry.plugged_bytes, entry.requested_bytes);
      return sum + (entry.region_id === region_id ? Math.max(bytes, entry.plugged_bytes) : most);
    }, handle.spec.boot_bytes);
    await cgroup.limit(guest_bytes);
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
    await cleanRunDir(run_dir, [...socketsOf(run_dir), filesOf(run_dir).backings_path]);
  }

  /** Waits for the end of the process and tells of it. Never rejects. */
  async #watch(): Promise<void> {
    const { exited, clock, handle } = this.#parts;
    const { api_path } = filesOf(handle.spec.run_dir);
    try {
      await waitUntilGone(this.#identity, api_path, clock, this.#stop.signal);
    } catch {
      this.#hub.end();
      return;
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
    return await waitForEnd(this.#identity, this.#parts.clock, LIMITS.ch_watch_again_ms);
  }
}

/** A VM under Cloud Hypervisor. */
import type { Duplex } from 'node:stream';
import type { Clock } from '../../../base/clock.ts';
import { LIMITS } from '../../../base/limits.ts';
import { CH_LIMITS } from '../limits.ts';
import { chSlackBytes } from '../slack.ts';
import { VMM_LIMITS } from '../../limits.ts';
import { isHotplaneError } from '../../../base/errors.ts';
import { waitFor } from '../../../base/wait.ts';
import { PROTOCOL } from '../../../guest/protocol/constants.ts';
import { vmmError } from '../../errors.ts';
import type { MemoryCgroup } from '../../host/memory-cgroup.ts';
import { type ProcessExit, waitForEnd } from '../../../base/process.ts';
import { endVmm } from '../../lifecycle/end-vmm.ts';
import { lastObservation, regionRanges } from '../../resize/places.ts';
import { ResizeDesk, type RegionOrder, resizeOrdered } from '../../resize/desk.ts';
import type { CallLimit } from '../../resize/runner.ts';
import type { Hold } from '../../resize/turn.ts';
import { VmLife } from '../../lifecycle/life.ts';
import { cleanRunDir } from '../../lifecycle/run-dir.ts';
import type { HugePageReader } from '../../host/huge-pages.ts';
import { withNodes } from '../../resize/region-nodes.ts';
import type { AddressRange } from '../../host/smaps.ts';
import { isShared, type PlacedRegion } from '../../spec.ts';
import type {
  Accelerator,
  ResizeOptions,
  ResizeResult,
  Vm,
  VmEvent,
  VmHandle,
  VmObservation,
  VmSpec,
} from '../../vm.ts';
import type { CloudHypervisor } from '../client.ts';
import { sentState } from '../../rest/server.ts';
import { chFiles, socketsOf, zoneOf } from './layout.ts';
import { mostBytes, type WantedTarget } from './book.ts';
import { VmMemory } from './memory.ts';
import { observationOf } from './observation.ts';
import { readZoneResidency, readResidentBytes } from './residency.ts';
import { ChRegions } from './regions.ts';
import { ServerEvents, type ServerNews } from './server-events.ts';
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
  readonly readHugePages: HugePageReader;
  /** Whether an observation tells on which nodes of the host the regions lie. */
  readonly looks_at_nodes: boolean;
}

/**
 * The server makes a hole where a file is behind a block, and gives its pages back, before it
 * answers that the block is unplugged; an error of either is the answer. Private huge pages have
 * the hole alone: whether that takes the copy of the process as well, nobody has looked at.
 */
const READS_ZERO: readonly VmSpec['backing'][] = ['anonymous', 'memfd'];

export class CloudHypervisorVm implements Vm {
  readonly accelerator: Accelerator = 'kvm';
  readonly #parts: ChVmParts;
  readonly #memory: VmMemory;
  readonly #life: VmLife;
  readonly #resizes: ResizeDesk;
  readonly #regions: ChRegions;
  /** Devices whose driver in the guest was waited for. */
  readonly #waited = new Set<string>();
  readonly #events: ServerEvents;
  readonly #channel: VsockChannel;
  readonly #ended: Promise<void>;

  constructor(parts: ChVmParts) {
    this.#parts = parts;
    const { backings, clock, exited, handle, proc_root, readHugePages } = parts;
    const { spec, pid } = handle;
    const { api_path, console_path, events_path, stderr_path, stdout_path, vsock_path } = chFiles(
      spec.run_dir,
    );
    // The server writes the console at its own offset, and appends to its output.
    const files = [
      { path: console_path, appends: false },
      { path: stdout_path, appends: true },
      { path: stderr_path, appends: true },
    ];
    const { cgroup } = parts;
    const life = new VmLife({ handle, clock, console_path, files, exited, cgroup });
    this.#life = life;
    this.#memory = new VmMemory(parts.ch, spec, (device_id, plugged_bytes) => {
      life.events.emit({ type: 'device-size', at_ms: clock.nowMs(), device_id, plugged_bytes });
    });
    const memory = this.#memory;
    const told = async <T>(work: () => Promise<T>) => await this.#told(work);
    this.#regions = new ChRegions({ memory, spec, pid, backings, proc_root, told, readHugePages });
    this.#resizes = new ResizeDesk({
      spec,
      clock,
      stop: life.stop,
      turnOf: () => `VM ${spec.id}`,
      pluggedAtMost: (placed) => this.#regions.pluggedAtMost(placed),
      resize: async (order) => await this.#resize(order),
    });
    this.#channel = new VsockChannel({ path: vsock_path, port: PROTOCOL.vsock_port, clock });
    const untilGone = async (): Promise<boolean> =>
      await waitUntilGone(life.identity, api_path, clock, life.stop).then(
        () => true,
        () => false,
      );
    this.#ended = life.watch(untilGone, () => life.hasReset);
    this.#events = new ServerEvents(events_path, (news) => this.#take(news));
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

  get plugged_reads_zero(): boolean {
    return READS_ZERO.includes(this.handle.spec.backing);
  }

  /** Its `prefault` is of memory that is there from boot on. */
  get populates_plugged(): boolean {
    return false;
  }

  async observe(): Promise<VmObservation> {
    this.#life.assertHeld();
    const { handle, backings, pci_addresses, proc_root, clock } = this.#parts;
    if (this.#life.isOver) return this.#lastObservation();
    try {
      const [{ info, book }, residency] = await Promise.all([
        this.#memory.read(),
        readZoneResidency(proc_root, handle.pid, regionRanges(handle.spec, backings)),
      ]);
      const seen = observationOf({
        spec: handle.spec,
        info,
        book,
        sizes: this.#regions.sizesOf(book, residency.ranges),
        resident_bytes: residency.resident_bytes,
        pci_addresses,
        panicked: this.#life.hasPanicked,
        at_ms: clock.nowMs(),
      });
      if (!this.#parts.looks_at_nodes) return seen;
      const { spec, pid } = handle;
      return { ...seen, regions: withNodes({ spec, pid, backings, proc_root }, seen.regions) };
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
    this.#life.assertHeld();
    return await this.#resizes.ask(id, bytes, options);
  }

  events(signal?: AbortSignal): AsyncIterable<VmEvent> {
    return this.#life.events.read(signal);
  }

  async guestChannel(): Promise<Duplex> {
    this.#life.assertHeld();
    return await this.#channel.open();
  }

  async shutdown(): Promise<void> {
    await this.#life.shutdown(async () => await this.#end());
  }

  async release(): Promise<void> {
    this.#life.release();
    this.#channel.close();
    this.#events.close();
    await this.#parts.ch.close();
    await this.#ended;
  }

  async #resize(order: RegionOrder): Promise<ResizeResult> {
    const { clock } = this.#parts;
    const { placed, target_bytes, deadline_ms, signal } = order;
    const { device } = placed;
    const end_ms = clock.nowMs() + deadline_ms;
    const left = (): number => Math.max(0, end_ms - clock.nowMs());
    const prepare = async (): Promise<void> => {
      this.#memory.moving = device.id;
      await this.#prepare(placed, target_bytes, left, signal);
    };
    let holds = true;
    const hold: Hold = {
      isWanted: () => order.hold?.isWanted() ?? false,
      pass: async (most_ms) => {
        this.#memory.moving = null;
        holds = (await order.hold?.pass(most_ms)) ?? true;
        if (holds) await prepare();
        return holds;
      },
    };
    try {
      await prepare();
      const port = this.#regions.portOf(placed);
      const result = await resizeOrdered(port, { ...order, deadline_ms: left(), hold });
      const rest = () => Math.max(1, end_ms + VMM_LIMITS.resize_overrun_ms - clock.nowMs());
      const kept = isShared(device) ? null : { device_id: device.id, bytes: result.plugged_bytes };
      await this.#limit(kept, rest).catch(() => undefined);
      return result;
    } finally {
      if (holds) this.#memory.moving = null;
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
    const until = AbortSignal.any([this.#life.stop, ...(signal ? [signal] : [])]);
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
    await cgroup.limit(guest_bytes, chSlackBytes(handle.spec));
  }

  #take(news: ServerNews): void {
    if (news === 'panic') this.#life.panic();
    else this.#life.reset();
    // A guest that panicked or reset is over under the other driver: nothing may tell them apart.
    if (!this.#life.isReleased) void this.shutdown().catch(() => undefined);
  }

  async #end(): Promise<void> {
    const { clock, ch, cgroup } = this.#parts;
    const { run_dir } = this.handle.spec;
    const grace_ms = LIMITS.vm_shutdown_ms;
    const polite = await ch.vmm.shutdown({ deadline_ms: grace_ms }).then(
      () => true,
      (error: unknown) => sentState(error) === 'maybe',
    );
    const gone = await waitForEnd(this.#life.identity, clock, polite ? grace_ms : 0);
    if (!gone) await endVmm(this.#life.identity, clock, grace_ms);
    this.#channel.close();
    this.#events.close();
    await ch.close();
    await this.#ended;
    await cgroup?.remove();
    await cleanRunDir(run_dir, [...socketsOf(run_dir), chFiles(run_dir).backings_path]);
  }

  #lastObservation(): VmObservation {
    const { handle, pci_addresses, clock } = this.#parts;
    const pciAddressOf = (index: number): string => pci_addresses[index] ?? '';
    return lastObservation(handle.spec, this.#life.lastState, pciAddressOf, clock.nowMs());
  }

  /**
   * True when the process ended, or is about to: a server on its way out closes its socket first,
   * and is gone when all its memory is given back.
   */
  async #isGone(error: unknown): Promise<boolean> {
    this.#life.assertHeld();
    if (await this.#life.isGone()) return true;
    const code = error instanceof Error && 'code' in error ? error.code : null;
    if (code !== 'HP_CH_CLOSED' && code !== 'HP_CH_CONNECT' && code !== 'HP_VMM_GONE') return false;
    return await waitForEnd(this.#life.identity, this.#parts.clock, LIMITS.vm_shutdown_ms);
  }
}

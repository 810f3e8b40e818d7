/** A hypervisor whose VMs are models: the interface of hypervisor-client/vm.ts, with faults. */
import type { Duplex } from 'node:stream';
import type { Clock } from '../../base/clock.ts';
import { vmmError } from '../../hypervisor-client/errors.ts';
import { ourUid } from '../../base/safe-path.ts';
import { MIB } from '../../base/units.ts';
import type {
  Capabilities,
  Hypervisor,
  LaunchOptions,
  ResizeOptions,
  ResizeResult,
  Vm,
  VmEvent,
  VmHandle,
  VmObservation,
  VmSpec,
} from '../../hypervisor-client/vm.ts';
import { type GuestRequest, type Hello, regionAddress } from '../../guest/protocol/protocol.ts';
import { placedRegions } from '../../hypervisor-client/spec.ts';
import { FakeGuest, type GuestFault } from './fake-guest.ts';

export type ResizeFault = 'none' | 'slow' | 'partial' | 'refuse' | 'throw' | 'die';
export type LaunchFault = 'none' | 'refuse' | 'die' | 'no-hello' | 'panic';

export interface FakeFaults {
  launch: () => LaunchFault;
  resize: (kind: 'plug' | 'unplug') => ResizeFault;
  guest: (request: GuestRequest['type']) => GuestFault;
  /** The shutdown throws. */
  shutdown: () => boolean;
}

interface FakeRegion {
  readonly id: string;
  readonly device_id: string;
  readonly partition: number;
  readonly max_bytes: number;
  readonly pci_address: string;
  requested_bytes: number;
  plugged_bytes: number;
}

export const NO_FAULTS: FakeFaults = {
  launch: () => 'none',
  resize: () => 'none',
  guest: () => 'none',
  shutdown: () => false,
};

/** How the model is set up; what is absent is as tests want it. */
export interface FakeOptions {
  /** Time of a launch, a resize and a shutdown; 0: done at once. Default 10 ms. */
  readonly resize_ms?: number;
  /** Devices a VM may have; default 192. */
  readonly devices_per_vm?: number;
  /** Its word of what guests plug; default true. */
  readonly plugged_reads_zero?: boolean;
  /** Whether it can take pages of the host at the plug; default true. */
  readonly populates_plugged?: boolean;
  /** Guests of an earlier version. */
  readonly old_guests?: boolean;
  /** A guest outside of the model, instead of the VM's own. */
  readonly openGuest?: (vm: FakeVm) => Promise<Duplex>;
}

const RESIZE_MS = 10;
const SLOW_MS = 4_000;

export class FakeVm implements Vm {
  readonly id: string;
  readonly handle: VmHandle;
  readonly accelerator = 'tcg';
  readonly console_path = '/nonexistent/console.log';
  readonly plugged_reads_zero: boolean;
  readonly populates_plugged: boolean;
  readonly #hello: Partial<Hello> | null;
  #guest: FakeGuest | null = null;
  readonly regions: FakeRegion[];
  alive = true;
  readonly #turns = new Map<string, Promise<void>>();
  /** Regions of shared devices whose unplug waits or is under way. */
  readonly #emptying = new Set<string>();
  /** Settles at once unless the VMM is frozen (SIGSTOP): then it answers nothing until thawed. */
  #thawed: Promise<void> = Promise.resolve();
  #onThaw: () => void = () => {};
  /** Times somebody looked at the whole VM. */
  looks = 0;
  readonly #owner: FakeHypervisor;
  readonly #listeners = new Set<(event: VmEvent | null) => void>();

  constructor(spec: VmSpec, owner: FakeHypervisor, hello: Partial<Hello> | null) {
    this.id = spec.id;
    this.plugged_reads_zero = owner.options.plugged_reads_zero ?? true;
    this.populates_plugged = spec.populate === true && (owner.options.populates_plugged ?? true);
    this.#owner = owner;
    this.handle = { schema_version: 2, vmm: owner.kind, pid: 1, pid_start_ticks: 1, spec };
    this.regions = placedRegions(spec).map(({ device, device_index, region, partition }) => ({
      id: region.id,
      device_id: device.id,
      partition,
      max_bytes: region.max_bytes,
      pci_address: `0000:00:${(16 + device_index).toString(16)}.0`,
      requested_bytes: region.initial_bytes,
      plugged_bytes: 0,
    }));
    this.#hello = hello;
  }

  /** Made when it is wanted: the guests of many VMs may be elsewhere. */
  get guest(): FakeGuest {
    const { clock, options } = this.#owner;
    this.#guest ??= new FakeGuest({
      clock,
      plugged: (address) =>
        this.regions.find((one) => regionAddress(one) === address)?.plugged_bytes ?? 0,
      regions: this.regions.map(regionAddress),
      fault: (request) => this.#owner.faults.guest(request),
      hotmem: this.handle.spec.devices.every(({ guest_node }) => guest_node === null),
      old: options.old_guests ?? false,
      hello: this.#hello,
    });
    return this.#guest;
  }

  async observe(): Promise<VmObservation> {
    this.#mustLive();
    await this.#thawed;
    this.looks += 1;
    const regions = this.regions.map((one) => ({ ...one, resident_bytes: one.plugged_bytes }));
    const resident_bytes = regions.reduce((sum, one) => sum + one.resident_bytes, MIB);
    const observed_at_ms = this.#owner.clock.nowMs();
    const devices = new Map(
      this.handle.spec.devices.map(({ id }) => [id, { id, requested_bytes: 0, plugged_bytes: 0 }]),
    );
    for (const { device_id, requested_bytes, plugged_bytes } of regions) {
      const device = devices.get(device_id);
      if (!device) continue;
      device.requested_bytes += requested_bytes;
      device.plugged_bytes += plugged_bytes;
    }
    return {
      state: 'running',
      devices: [...devices.values()],
      regions,
      resident_bytes,
      observed_at_ms,
    };
  }

  residentBytes(): number {
    this.#mustLive();
    return this.regions.reduce((sum, one) => sum + one.plugged_bytes, MIB);
  }

  /** SIGSTOP: neither the VMM nor its guest answers until `thaw`. */
  freeze(): void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#thawed = promise;
    this.#onThaw = resolve;
    this.guest.freeze();
  }

  thaw(): void {
    this.#onThaw();
    this.guest.thaw();
  }

  /** Regions of one device come in turn, as the drivers have it. */
  async resizeRegion(id: string, bytes: number, options: ResizeOptions): Promise<ResizeResult> {
    const { device_id = '' } = this.regions.find((one) => one.id === id) ?? {};
    const shared = this.regions.filter((one) => one.device_id === device_id).length > 1;
    if (!shared) return await this.#resize(id, bytes, options);
    if (bytes === 0) this.#emptying.add(id);
    const before = this.#turns.get(device_id) ?? Promise.resolve();
    const mine = before.then(async () => await this.#resize(id, bytes, options));
    const over = mine.then(
      () => undefined,
      () => undefined,
    );
    this.#turns.set(device_id, over);
    return await mine.finally(() => this.#emptying.delete(id));
  }

  async #resize(id: string, bytes: number, options: ResizeOptions): Promise<ResizeResult> {
    this.#mustLive();
    const { clock, faults } = this.#owner;
    const region = this.regions.find((one) => one.id === id);
    if (!region) throw new Error(`no region ${id}`);
    this.#checkChoice(region, bytes);
    const before_bytes = region.plugged_bytes;
    const requested_at_ms = clock.nowMs();
    const kind = bytes > 0 && bytes >= before_bytes ? 'plug' : 'unplug';
    const fault = faults.resize(kind);
    if (fault === 'throw') throw new Error('the resize call broke');
    if (fault !== 'refuse') region.requested_bytes = bytes;
    const accepted_at_ms = fault === 'refuse' ? null : clock.nowMs();
    const takes_ms = fault === 'slow' ? SLOW_MS : this.#owner.resize_ms;
    const is_cut = takes_ms > 0 && (await this.#isCut(takes_ms, options, fault === 'slow'));
    if (fault === 'die') this.die();
    if (this.alive && fault === 'partial') {
      const part_bytes = Math.min(64 * MIB, region.max_bytes);
      region.plugged_bytes = kind === 'plug' ? part_bytes : Math.max(bytes, part_bytes);
      await clock.sleep(options.deadline_ms);
    } else if (this.alive && fault !== 'refuse' && !is_cut) {
      region.plugged_bytes = bytes;
    }
    const outcome = !this.alive
      ? 'failed'
      : fault === 'refuse' || is_cut
        ? 'refused'
        : fault === 'partial'
          ? 'partial'
          : 'done';
    const done_at_ms = outcome === 'done' ? clock.nowMs() : null;
    if (outcome === 'done') this.#owner.done[kind] += 1;
    return {
      region_id: id,
      outcome,
      before_bytes,
      requested_bytes: bytes,
      plugged_bytes: region.plugged_bytes,
      resident_before_bytes: before_bytes,
      resident_bytes: region.plugged_bytes,
      requested_at_ms,
      waited_ms: 0,
      accepted_at_ms,
      plugged_at_ms: done_at_ms,
      resident_at_ms: bytes === 0 ? done_at_ms : null,
      nudges: 0,
      error_code: outcome === 'done' ? null : 'HP_TEST_FAULT',
      reason: outcome === 'done' ? null : fault,
    };
  }

  /** Waits for what takes so long; true: it was cut, or what is slow was aborted, meanwhile. */
  async #isCut(ms: number, { signal, cut }: ResizeOptions, is_slow: boolean): Promise<boolean> {
    const signals = [is_slow ? signal : undefined, cut].filter((one) => one !== undefined);
    const either = signals.length > 0 ? AbortSignal.any(signals) : undefined;
    try {
      await this.#owner.clock.sleep(ms, either);
      return false;
    } catch (error) {
      if (!either?.aborted) throw error;
      return true;
    }
  }

  /**
   * Of a device with several regions the guest plugs the first one that is not plugged, and gives
   * back the last one that nobody uses: whoever asks for another one has not thought of that.
   */
  #checkChoice(region: FakeRegion, bytes: number): void {
    const own = this.regions.filter(({ device_id }) => device_id === region.device_id);
    if (own.length === 1 || bytes > 0 === region.plugged_bytes > 0) return;
    // A partition is in use once somebody is attached, which a start in flight is not yet.
    const attached = [...this.guest.instances.values()].filter(({ ready }) => ready);
    const used = new Set(attached.flatMap(({ regions }) => regions));
    const chosen =
      bytes > 0
        ? own.find(({ plugged_bytes }) => plugged_bytes === 0)
        : own.findLast((one) => one.plugged_bytes > 0 && !used.has(regionAddress(one)));
    // One that is to be given back too may well go first.
    if (chosen === region || (chosen && bytes === 0 && this.#emptying.has(chosen.id))) return;
    this.#owner.wrong_choices.push(`the guest chooses ${chosen?.id}, not ${region.id}`);
  }

  async *events(signal?: AbortSignal): AsyncIterable<VmEvent> {
    const inbox: (VmEvent | null)[] = this.alive ? [] : [null];
    let wake = Promise.withResolvers<void>();
    const listener = (event: VmEvent | null): void => {
      inbox.push(event);
      wake.resolve();
    };
    this.#listeners.add(listener);
    signal?.addEventListener('abort', () => listener(null), { once: true });
    for (;;) {
      const event = inbox.shift();
      if (event === null) return;
      if (event) yield event;
      else {
        await wake.promise;
        wake = Promise.withResolvers<void>();
      }
    }
  }

  async guestChannel(): Promise<Duplex> {
    this.#mustLive();
    const { openGuest } = this.#owner.options;
    if (openGuest) return await openGuest(this);
    return this.guest.connect('\u0000boot noise without end\n');
  }

  tell(event: VmEvent | null): void {
    for (const listener of this.#listeners) listener(event);
  }

  /** The VMM process ends by itself. */
  die(): void {
    if (!this.alive) return;
    this.alive = false;
    for (const region of this.regions) region.plugged_bytes = 0;
    this.guest.die();
    this.tell({ type: 'exited', at_ms: this.#owner.clock.nowMs(), code: null, signal: 'SIGKILL' });
    this.tell(null);
  }

  async shutdown(): Promise<void> {
    await this.#owner.pause(this.#owner.resize_ms);
    if (this.#owner.faults.shutdown()) throw new Error('it does not want to end');
    if (!this.alive) return;
    this.die();
  }

  async release(): Promise<void> {
    this.guest.hangUp();
  }

  #mustLive(): void {
    if (this.alive) return;
    throw vmmError('HP_VMM_GONE', `VM ${this.id} is gone.`);
  }
}

export class FakeHypervisor implements Hypervisor {
  readonly kind: string = 'fake';
  readonly clock: Clock;
  readonly vms: FakeVm[] = [];
  readonly options: FakeOptions;
  readonly resize_ms: number;
  faults: FakeFaults;
  /** Resizes of a region that is not the one its guest would have chosen. */
  readonly wrong_choices: string[] = [];
  /** Resizes that ended as asked for, by kind. */
  readonly done = { plug: 0, unplug: 0 };

  constructor(clock: Clock, faults: FakeFaults = NO_FAULTS, options: FakeOptions = {}) {
    this.clock = clock;
    this.faults = faults;
    this.options = options;
    this.resize_ms = options.resize_ms ?? RESIZE_MS;
  }

  /** No time at all for 0, not even a turn of the event loop. */
  async pause(ms: number): Promise<void> {
    if (ms > 0) await this.clock.sleep(ms);
  }

  async probe(): Promise<Capabilities> {
    return {
      vmm: this.kind,
      version: '1.0',
      accelerator: 'tcg',
      devices_per_vm: this.options.devices_per_vm ?? 192,
      regions_per_vm: 256,
      plugged_per_device: true,
    };
  }

  async launch(spec: VmSpec, { makeTap }: LaunchOptions = {}): Promise<Vm> {
    const fault = this.faults.launch();
    await this.pause(this.resize_ms);
    await makeTap?.(ourUid());
    if (fault === 'refuse') throw new Error('the VMM did not start');
    const vm = new FakeVm(spec, this, fault === 'no-hello' || fault === 'panic' ? null : {});
    this.vms.push(vm);
    const later = async (): Promise<void> => {
      await this.pause(this.resize_ms);
      if (fault === 'die') vm.die();
      if (fault === 'panic') vm.tell({ type: 'guest-panicked', at_ms: this.clock.nowMs() });
    };
    void later();
    return vm;
  }

  async adopt(handle: VmHandle): Promise<Vm> {
    const vm = this.vms.find((one) => one.id === handle.spec.id && one.alive);
    if (!vm) throw new Error('HP_VMM_GONE');
    return vm;
  }

  /** Its VMs are no processes. */
  runs(): boolean {
    return false;
  }

  alive(): FakeVm[] {
    return this.vms.filter((vm) => vm.alive);
  }

  pluggedBytes(): number {
    return this.alive()
      .flatMap((vm) => vm.regions)
      .reduce((sum, region) => sum + region.plugged_bytes, 0);
  }
}

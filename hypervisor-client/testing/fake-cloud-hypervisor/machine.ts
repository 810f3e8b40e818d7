/** The modelled server: one VM from its configuration to its end. No sockets in here. */
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import type {
  DeviceNode,
  MemoryZoneConfig,
  VmConfig,
  VmInfo,
  VmState,
} from '../../cloud-hypervisor/types/index.ts';
import { featuresOf, parseVersion } from '../../cloud-hypervisor/version.ts';
import { checkBootConfig, checkPayload } from './boot-checks.ts';
import { ApiError, apiError, notCreated, notRunning } from './errors.ts';
import type { FakeMonitor } from './monitor.ts';
import { partitionsIn } from './partitions.ts';
import { FakeResidency } from './residency.ts';
import type { FakeSettings } from './settings.ts';
import { FakeVsock } from './vsock.ts';
import { FakeZone } from './zones.ts';

export interface MachineParts {
  readonly settings: () => FakeSettings;
  readonly monitor: FakeMonitor;
  readonly log: (line: string) => void;
  /** The guest powered off: the server ends. */
  readonly powerOff: () => void;
}

const IMAGE_STARTS = ['\x1f\x8b', '\xfd7zXZ', '\x28\xb5\x2f\xfd', '0707', 'fake-initrd'];
const DEFAULT_MEMORY_BYTES = 512 * 1024 * 1024;

export class FakeMachine {
  readonly #parts: MachineParts;
  #config: VmConfig | null = null;
  #state: VmState = 'Created';
  /** There is a VM: booted, or left by a boot that failed late. */
  #built = false;
  #zones: FakeZone[] = [];
  #places = new Map<string, string>();
  #residency: FakeResidency | null = null;
  #vsock: FakeVsock | null = null;
  #boot: NodeJS.Timeout | null = null;
  #guest_is_up = false;

  constructor(parts: MachineParts) {
    this.#parts = parts;
  }

  create(config: VmConfig): void {
    const what = 'The VM could not be created';
    if (this.#config) throw apiError(what, 'VM is already created');
    this.#config = config;
    this.#state = 'Created';
    // A payload may be missing: the boot says so.
    const { payload }: Partial<VmConfig> = config;
    const partitions = partitionsIn(payload?.cmdline ?? '');
    this.#zones = zoneConfigs(config).map((zone) => this.#zone(zone, partitions));
    const { serial } = config;
    if (serial?.mode !== 'File') return;
    try {
      writeFileSync(serial.file ?? '', '');
    } catch (cause) {
      // The configuration stays, as there.
      throw apiError(what, 'Error creating console devices', String(cause));
    }
  }

  boot(): void {
    const what = 'The VM could not boot';
    const config = this.#config;
    if (this.#built) throw apiError(what, 'VM is already created');
    this.#parts.monitor.emit('vm', 'booting');
    if (!config) throw new ApiError(404, ['Error from API', what, 'VM config is missing']);
    checkBootConfig(this.#currentConfig(config));
    if (config.vsock) {
      this.#vsock = new FakeVsock(config.vsock.socket, () => this.#greeting());
      try {
        this.#vsock.open();
      } catch (cause) {
        throw apiError(what, 'Cannot create virtio-vsock backend', String(cause));
      }
    }
    this.#built = true;
    checkPayload(config);
    this.#residency = new FakeResidency(this.#zones);
    for (const line of this.#residency.logLines()) this.#parts.log(line);
    this.#start();
    this.#parts.monitor.emit('vm', 'booted');
  }

  info(): VmInfo {
    const config = this.#config;
    if (!config) throw notCreated('The VM info is not available');
    const { version, guest } = this.#parts.settings();
    const parsed = parseVersion(version);
    const real = parsed === null || featuresOf(parsed).actual_size;
    const hotplugged = this.#zones.reduce(
      (sum, zone) => sum + (real ? zone.plugged_bytes : zone.target_bytes),
      0,
    );
    const boot = this.#zones.reduce((sum, zone) => sum + zone.boot_bytes, 0);
    return {
      config: this.#currentConfig(config),
      state: this.#state,
      memory_actual_size: boot + hotplugged + guest.actual_offset,
      ...(this.#built ? { device_tree: this.#deviceTree() } : {}),
    };
  }

  counters(): Record<string, Record<string, number>> {
    if (!this.#built) throw notRunning('The VM info is not available');
    return {};
  }

  resizeZone(id: string, desired_ram: number): void {
    const what = 'The memory zone could not be resized';
    if (!this.#config) throw notCreated(what);
    const zone = this.#config.memory?.zones ? this.#zones.find((one) => one.id === id) : undefined;
    if (!zone) throw apiError(what, 'Failed resizing a memory zone');
    if (!this.#built) {
      zone.setBoot(desired_ram);
      return;
    }
    if (desired_ram < zone.boot_bytes) {
      const sizes = `desired_size = ${desired_ram} below boot size = ${zone.boot_bytes}`;
      throw apiError(what, 'Memory manager error', `Invalid resize request: ${sizes}`);
    }
    if (zone.hotplug_bytes === 0) {
      throw apiError(what, 'Memory manager error', 'No virtio-mem resizing handler found');
    }
    zone.resize(desired_ram - zone.boot_bytes);
  }

  /** Plain memory: one implicit zone. */
  resize(desired_ram: number | null): void {
    const what = 'The VM could not be resized';
    if (!this.#config) throw notCreated(what);
    if (desired_ram === null || !this.#built) return;
    if (this.#config.memory?.zones) {
      const reason =
        'Impossible to resize guest memory if it is backed by user defined memory regions';
      throw apiError(what, 'Memory manager error', reason);
    }
    const zone = this.#zones[0];
    if (!zone) return;
    this.#parts.monitor.emit('vm', 'resizing');
    if (desired_ram < zone.boot_bytes) {
      const sizes = `desired_size = ${desired_ram} below boot size = ${zone.boot_bytes}`;
      throw apiError(what, 'Memory manager error', `Invalid resize request: ${sizes}`);
    }
    zone.resize(desired_ram - zone.boot_bytes);
    this.#parts.monitor.emit('vm', 'resized');
  }

  pause(): void {
    this.#transition('The VM could not be paused', 'Paused', ['pausing', 'paused']);
    for (const zone of this.#zones) zone.setPaused(true);
  }

  resume(): void {
    this.#transition('The VM could not resume', 'Running', ['resuming', 'resumed']);
    for (const zone of this.#zones) zone.setPaused(false);
  }

  /** The VM goes, its configuration stays: the state is that from before the boot. */
  shutdown(): void {
    if (!this.#built) throw notRunning('The VM could not shutdown');
    this.#stop();
    this.#parts.monitor.emit('vm', 'shutdown');
  }

  delete(): void {
    if (!this.#config) return;
    const built = this.#built;
    this.#stop();
    if (built) this.#parts.monitor.emit('vm', 'shutdown');
    this.#config = null;
    this.#parts.monitor.emit('vm', 'deleted');
  }

  /** A hard reset, by the API or by the guest. */
  reboot(): void {
    const config = this.#config;
    this.#parts.monitor.emit('vm', 'rebooting');
    if (!config || !this.#built) throw notCreated('The VM could not reboot');
    this.#built = false;
    checkPayload(config);
    this.#built = true;
    for (const zone of this.#zones) {
      zone.setActive(false);
      zone.setPaused(false);
    }
    this.#start();
    this.#parts.monitor.emit('vm', 'rebooted');
  }

  /** The guest's kernel panics; with `panic=-1` it resets the machine at once. */
  panic(): void {
    this.#console('Kernel panic - not syncing: fake\n');
    if (this.#config?.pvpanic) this.#parts.monitor.emit('guest', 'panic', { event: '1' });
    if (this.#config?.payload.cmdline?.includes('panic=-1')) this.reboot();
  }

  /** The guest powers off by itself, which ends the server. */
  powerOff(): void {
    if (this.#built) this.#parts.powerOff();
  }

  /** Of calls that only need a VM, whatever it does. */
  requireBuilt(what: string): void {
    if (!this.#built) throw notRunning(what);
  }

  /** Of calls that need a configuration. */
  requireCreated(what: string): void {
    if (!this.#config) throw notCreated(what);
  }

  /** Frees what the model holds on the host. */
  close(): void {
    this.#stop();
  }

  #start(): void {
    const { guest } = this.#parts.settings();
    this.#state = 'Running';
    this.#guest_is_up = false;
    this.#console('Linux version 6.12.0 (fake guest)\n');
    this.#changed();
    if (guest.boot_ms === null) return;
    this.#boot = setTimeout(() => {
      if (!this.#hasRootImage()) {
        this.panic();
        return;
      }
      this.#guest_is_up = true;
      for (const zone of this.#zones) {
        if (zone.hotplug_bytes === 0) continue;
        zone.setActive(true);
        this.#parts.monitor.emit('virtio-device', 'activated', { id: zone.id });
      }
    }, guest.boot_ms);
  }

  #stop(): void {
    if (this.#boot) clearTimeout(this.#boot);
    this.#boot = null;
    this.#guest_is_up = false;
    for (const zone of this.#zones) {
      zone.setActive(false);
      zone.stop();
    }
    this.#vsock?.close();
    this.#vsock = null;
    this.#built = false;
    this.#state = 'Created';
  }

  #transition(what: string, to: VmState, events: readonly [string, string]): void {
    if (!this.#built) throw notRunning(what);
    if (this.#state === to) {
      throw apiError(what, `Invalid transition: InvalidStateTransition(${to}, ${to})`);
    }
    this.#parts.monitor.emit('vm', events[0]);
    this.#state = to;
    this.#parts.monitor.emit('vm', events[1]);
  }

  #zone(
    { id, size, hotplug_size = 0, hotplugged_size = 0 }: MemoryZoneConfig,
    partitions: number,
  ): FakeZone {
    return new FakeZone({
      partitions: hotplug_size > 0 ? partitions : 1,
      id,
      boot_bytes: size,
      hotplug_bytes: hotplug_size,
      target_bytes: hotplugged_size,
      settings: () => this.#parts.settings().guest,
      changed: () => this.#changed(),
    });
  }

  /** A RAM disk is compressed (gzip, xz, zstd), a cpio, or the text `fake-initrd`. */
  #hasRootImage(): boolean {
    const path = this.#config?.payload.initramfs;
    if (!path) return true;
    const head = readFileSync(path).subarray(0, 16).toString('latin1');
    return IMAGE_STARTS.some((start) => head.startsWith(start));
  }

  /** Other partitions are in use than before. */
  usersChanged(): void {
    for (const zone of this.#zones) zone.usersChanged();
    this.#changed();
  }

  #changed(): void {
    const { proc_root } = this.#parts.settings();
    if (proc_root !== null) this.#residency?.write(proc_root, process.pid);
  }

  #console(text: string): void {
    const { file } = this.#config?.serial ?? {};
    if (file && existsSync(file)) appendFileSync(file, text);
  }

  #greeting(): string | null {
    return this.#guest_is_up ? this.#parts.settings().hello : null;
  }

  #currentConfig(config: VmConfig): VmConfig {
    const { memory } = config;
    if (!memory) return { ...config, memory: { size: DEFAULT_MEMORY_BYTES } };
    if (!memory.zones) return { ...config, memory: { ...memory, ...sized(this.#zones[0]) } };
    const zones = memory.zones.map((zone, index) => {
      const { hotplugged_size: _, ...rest } = zone;
      const model = this.#zones[index];
      return { ...rest, size: model?.boot_bytes ?? zone.size, ...sized(model) };
    });
    return { ...config, memory: { ...memory, zones } };
  }

  /** Zones live in a randomised hash map there: addresses differ from boot to boot. */
  #deviceTree(): Record<string, DeviceNode> {
    if (this.#places.size === 0) {
      const ids = this.#zones.filter((zone) => zone.hotplug_bytes > 0).map(({ id }) => id);
      const first = 3;
      for (const [index, id] of ids.toReversed().entries()) {
        this.#places.set(id, `0000:00:${(first + index).toString(16).padStart(2, '0')}.0`);
      }
    }
    const tree: Record<string, DeviceNode> = {};
    for (const [id, pci_bdf] of this.#places) {
      const bus = `_virtio-pci-${id}`;
      tree[bus] = { id: bus, resources: [], children: [id], pci_bdf };
      tree[id] = { id, resources: [], parent: bus, children: [] };
    }
    return tree;
  }
}

/** The target as the configuration shows it. */
function sized(zone: FakeZone | undefined): object {
  return zone && zone.target_bytes > 0 ? { hotplugged_size: zone.target_bytes } : {};
}

function zoneConfigs({ memory }: VmConfig): readonly MemoryZoneConfig[] {
  if (!memory) return [{ id: 'mem0', size: DEFAULT_MEMORY_BYTES }];
  return memory.zones ?? [{ ...memory, id: 'mem0' }];
}

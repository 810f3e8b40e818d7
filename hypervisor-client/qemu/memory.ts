/**
 * The memory of one running VM: what QEMU and the host say of its devices and regions, and ports to
 * resize them by.
 */
import type { HugePageReader } from '../host/huge-pages.ts';
import { inHugePages } from '../resize/huge-memory.ts';
import { countResident } from '../host/pagemap.ts';
import { regionRange, regionsAt } from '../resize/places.ts';
import { type DevicePort, SharedDevice } from '../resize/shared-device.ts';
import type { CallLimit, ResizePort } from '../resize/runner.ts';
import { SharedResidency } from '../host/shared-residency.ts';
import { type AddressRange, readResidency } from '../host/smaps.ts';
import { isShared, type PlacedRegion, placedRegions } from '../spec.ts';
import type { Device, DeviceSpec, Region, VmSpec } from '../vm.ts';
import { pciAddressOf } from './layout.ts';
import type { QmpClient } from './qmp.ts';
import { readDevices, readPlugged, readSizes, setRequested } from './regions.ts';

export interface QemuMemoryParts {
  readonly qmp: QmpClient;
  readonly spec: VmSpec;
  readonly pid: number;
  /** Host addresses of the devices, in the order of the specification. */
  readonly backings: readonly AddressRange[];
  /** Passes a call's result on; a connection that broke because the VM ended is told as that. */
  readonly tellIfGone: <T>(call: Promise<T>) => Promise<T>;
  readonly readHugePages: HugePageReader;
}

export class QemuMemory {
  readonly #parts: QemuMemoryParts;
  /** Pauses of resizes, by device, to be cut short by news of it. */
  readonly #pauses = new Map<string, () => void>();
  /** Of whole devices, by their index. */
  readonly #residency: SharedResidency;
  readonly #shared: ReadonlyMap<string, SharedDevice>;

  constructor(parts: QemuMemoryParts) {
    this.#parts = parts;
    const { backings, pid, spec } = parts;
    this.#residency = new SharedResidency((indices) =>
      readResidency(
        pid,
        indices.flatMap((index) => backings[index] ?? []),
      ),
    );
    this.#shared = new Map(
      spec.devices
        .filter(isShared)
        .map((device) => [device.id, new SharedDevice(device, this.#devicePort(device))]),
    );
  }

  /** All devices and regions as they are now. */
  async observe(): Promise<{ readonly devices: Device[]; readonly regions: Region[] }> {
    const { qmp, spec, pid, backings } = this.#parts;
    const seen = await readDevices(qmp, spec);
    const whole = readResidency(pid, backings);
    const sizes = [];
    for (const [index, device] of spec.devices.entries()) {
      const { requested_bytes = 0, plugged_bytes = 0 } = seen[index] ?? {};
      const device_bytes = whole[index] ?? 0;
      const shared = this.#shared.get(device.id);
      if (!shared) {
        sizes.push([{ requested_bytes, plugged_bytes, resident_bytes: device_bytes }]);
        continue;
      }
      const resident_bytes = await this.#countShared(device, device_bytes);
      const shares = shared.sharesAt({ requested_bytes, plugged_bytes, resident_bytes });
      sizes.push(
        shares.map((share, place) => ({ ...share, resident_bytes: resident_bytes[place] ?? 0 })),
      );
    }
    return {
      devices: spec.devices.map(({ id }, index) => ({
        id,
        requested_bytes: seen[index]?.requested_bytes ?? 0,
        plugged_bytes: seen[index]?.plugged_bytes ?? 0,
      })),
      regions: regionsAt(spec, sizes, pciAddressOf),
    };
  }

  /** A region as something to resize. Those of one device are not to be resized at once. */
  portOf(placed: PlacedRegion): ResizePort {
    const port = this.#plainPortOf(placed);
    const { spec, readHugePages } = this.#parts;
    return spec.backing === 'huge' ? inHugePages(port, placed.region.id, readHugePages) : port;
  }

  #plainPortOf({ device, device_index, partition }: PlacedRegion): ResizePort {
    const shared = this.#shared.get(device.id);
    if (shared) return shared.portOf(partition);
    const { qmp, tellIfGone } = this.#parts;
    const look = async (resident: boolean, limit: CallLimit) => {
      const plugged_bytes = await readPlugged(qmp, device.id, { deadline_ms: limit() });
      if (!resident) return { plugged_bytes, resident_bytes: null };
      return { plugged_bytes, resident_bytes: await this.#residency.of(device_index) };
    };
    return {
      ...this.#targetPort(device),
      plugs_unseen: true,
      look: async (resident, limit) => await tellIfGone(look(resident, limit)),
    };
  }

  /** What is known of a region without a look; else the most it may have. */
  pluggedAtMost({ device, region, partition }: PlacedRegion): number {
    return this.#shared.get(device.id)?.knownBytes(partition) ?? region.max_bytes;
  }

  /** News of a device's size. */
  wake(device_id: string): void {
    this.#pauses.get(device_id)?.();
  }

  #devicePort(device: DeviceSpec): DevicePort {
    const { qmp, spec, tellIfGone } = this.#parts;
    return {
      ...this.#targetPort(device),
      sizes: async (limit) => await tellIfGone(readSizes(qmp, device.id, { deadline_ms: limit() })),
      resident: async () => {
        const index = spec.devices.indexOf(device);
        return await this.#countShared(device, await this.#residency.of(index));
      },
    };
  }

  #targetPort(device: DeviceSpec): Required<Omit<ResizePort, 'look' | 'park' | 'plugs_unseen'>> {
    const { qmp, tellIfGone } = this.#parts;
    const setTarget = async (bytes: number, limit: CallLimit): Promise<void> => {
      await tellIfGone(setRequested(qmp, device.id, bytes, { deadline_ms: limit() }));
    };
    return {
      setTarget,
      nudge: setTarget,
      onNews: (wake) => {
        this.#pauses.set(device.id, wake);
        return () => {
          // A resize that was cut pauses on, beside the next one.
          if (this.#pauses.get(device.id) === wake) this.#pauses.delete(device.id);
        };
      },
    };
  }

  /**
   * Its regions share a mapping, so they are counted page by page, unless it holds nothing at all.
   */
  async #countShared(device: DeviceSpec, device_bytes: number): Promise<readonly number[]> {
    if (device_bytes === 0) return device.regions.map(() => 0);
    const { pid, spec, backings } = this.#parts;
    const ranges = placedRegions(spec)
      .filter((placed) => placed.device === device)
      .map((placed) => regionRange(placed, backings));
    return await countResident('/proc', pid, ranges);
  }
}

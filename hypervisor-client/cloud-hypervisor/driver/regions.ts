/**
 * The regions of one running VM: their shares of the devices in the book, and ports to resize by.
 */
import { type RegionSizes, regionRange, regionRanges } from '../../resize/places.ts';
import { type DevicePort, SharedDevice } from '../../resize/shared-device.ts';
import type { CallLimit, ResizePort } from '../../resize/runner.ts';
import type { HugePageReader } from '../../host/huge-pages.ts';
import { inHugePages } from '../../resize/huge-memory.ts';
import type { AddressRange } from '../../host/smaps.ts';
import { isShared, type PlacedRegion } from '../../spec.ts';
import type { DeviceSpec, VmSpec } from '../../vm.ts';
import type { Book, BookEntry } from './book.ts';
import type { VmMemory } from './memory.ts';
import { readZoneResidency } from './residency.ts';

export interface ChRegionsParts {
  readonly memory: VmMemory;
  readonly spec: VmSpec;
  readonly pid: number;
  /** Host addresses of the devices, in the order of the specification. */
  readonly backings: readonly AddressRange[];
  readonly proc_root: string;
  /** Does a piece of work; a connection that broke because the VM ended is told as that. */
  readonly told: <T>(work: () => Promise<T>) => Promise<T>;
  readonly readHugePages: HugePageReader;
}

export class ChRegions {
  readonly #parts: ChRegionsParts;
  readonly #shared: ReadonlyMap<string, SharedDevice>;

  constructor(parts: ChRegionsParts) {
    this.#parts = parts;
    this.#shared = new Map(
      parts.spec.devices
        .filter(isShared)
        .map((device) => [device.id, new SharedDevice(device, this.#sharedPort(device))]),
    );
  }

  /** Sizes by device and place in it; `resident` is of all regions, in the order of the spec. */
  sizesOf(book: Book, resident: readonly number[]): RegionSizes[][] {
    let next = 0;
    return this.#parts.spec.devices.map((device, index) => {
      const { requested_bytes = 0, plugged_bytes = 0 } = book[index] ?? {};
      const resident_bytes = device.regions.map(() => resident[next++] ?? 0);
      const seen = { requested_bytes, plugged_bytes };
      const shares = this.#shared.get(device.id)?.sharesAt({ ...seen, resident_bytes }) ?? [seen];
      return shares.map((share, place) => ({
        ...share,
        resident_bytes: resident_bytes[place] ?? 0,
      }));
    });
  }

  /** What is known of a region without a look; else the most it may have. */
  pluggedAtMost({ device, region, partition }: PlacedRegion): number {
    const shared = this.#shared.get(device.id);
    const known = shared ? shared.knownBytes(partition) : this.#parts.memory.knownBytes(device.id);
    return known ?? region.max_bytes;
  }

  /** Makes what is plugged of a device its target. */
  async park(entry: BookEntry, limit: CallLimit): Promise<void> {
    const shared = this.#shared.get(entry.device_id);
    if (shared) await shared.park(limit);
    else await this.#parts.memory.park(entry, limit);
  }

  portOf(placed: PlacedRegion): ResizePort {
    const port = this.#plainPortOf(placed);
    const { spec, readHugePages } = this.#parts;
    return spec.backing === 'huge' ? inHugePages(port, placed.region.id, readHugePages) : port;
  }

  #plainPortOf(placed: PlacedRegion): ResizePort {
    const { memory, backings, proc_root, pid, told } = this.#parts;
    const { device, partition } = placed;
    const shared = this.#shared.get(device.id);
    if (shared) return shared.portOf(partition);
    const range = regionRange(placed, backings);
    return {
      ...this.#targetPort(device),
      park: (limit) =>
        told(async () => await memory.park(await memory.readDevice(device.id, limit), limit)),
      look: (resident, limit) =>
        told(async () => {
          const { plugged_bytes } = await memory.readDevice(device.id, limit);
          if (!resident) return { plugged_bytes, resident_bytes: null };
          const { ranges } = await readZoneResidency(proc_root, pid, [range]);
          return { plugged_bytes, resident_bytes: ranges[0] ?? 0 };
        }),
    };
  }

  #sharedPort(device: DeviceSpec): DevicePort {
    const { memory, spec, backings, proc_root, pid, told } = this.#parts;
    const backing = backings[spec.devices.indexOf(device)];
    const ranges = regionRanges({ ...spec, devices: [device] }, backing ? [backing] : []);
    return {
      ...this.#targetPort(device),
      sizes: (limit) => told(() => memory.readDevice(device.id, limit)),
      resident: () => told(async () => (await readZoneResidency(proc_root, pid, ranges)).ranges),
    };
  }

  #targetPort({ id }: DeviceSpec): Pick<ResizePort, 'setTarget' | 'nudge'> {
    const { memory, told } = this.#parts;
    return {
      setTarget: (bytes, limit) => told(() => memory.setTarget(id, bytes, limit)),
      nudge: (bytes, limit) => told(() => memory.nudge(id, bytes, limit)),
    };
  }
}

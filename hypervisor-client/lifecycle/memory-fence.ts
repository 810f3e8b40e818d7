/**
 * The limit of the host around one VMM as it follows what is plugged: raised before a region grows,
 * lowered once it has shrunk. A guest that touches what was unplugged gets no further than the
 * slack, whatever its permit was once.
 */
import { messageOf } from '../../base/errors.ts';
import type { ResizeResult, VmSpec } from '../vm.ts';
import type { MemoryCgroup } from '../host/memory-cgroup.ts';

/** What one region may have plugged: what it had when it last moved, and what it moves to. */
interface Fenced {
  readonly max_bytes: number;
  held_bytes: number;
  readonly moving: number[];
}

/** The most that the regions of a VM may have plugged together. */
export class FencedRegions {
  readonly #regions: ReadonlyMap<string, Fenced>;

  /** `is_new`: just launched; else each region may have all of it until it has moved. */
  constructor(spec: Pick<VmSpec, 'devices'>, is_new: boolean) {
    const regions = spec.devices.flatMap((device) => device.regions);
    this.#regions = new Map(
      regions.map(({ id, max_bytes, initial_bytes }) => {
        return [id, { max_bytes, held_bytes: is_new ? initial_bytes : max_bytes, moving: [] }];
      }),
    );
  }

  begin(id: string, bytes: number): void {
    this.#regions.get(id)?.moving.push(bytes);
  }

  /** `result` null: nobody knows what came of it. Only what was reached for certain counts less. */
  end(id: string, bytes: number, result: ResizeResult | null): void {
    const region = this.#regions.get(id);
    if (!region) return;
    region.moving.splice(region.moving.indexOf(bytes), 1);
    const { held_bytes } = region;
    const known = result?.outcome === 'done' ? result.plugged_bytes : Math.max(held_bytes, bytes);
    region.held_bytes = Math.max(known, result?.plugged_bytes ?? 0);
  }

  get bytes(): number {
    let sum = 0;
    for (const { max_bytes, held_bytes, moving } of this.#regions.values()) {
      sum += Math.min(max_bytes, Math.max(held_bytes, ...moving));
    }
    return sum;
  }
}

export interface MemoryFenceParts {
  readonly cgroup: MemoryCgroup;
  readonly regions: FencedRegions;
  readonly boot_bytes: number;
  /** What the VMM itself may take on top. */
  readonly slack_bytes: number;
  /** Told once: the limit does not follow. */
  readonly onTrouble: (text: string) => void;
}

export class MemoryFence {
  readonly #parts: MemoryFenceParts;
  #written: Promise<void> = Promise.resolve();
  #bytes: number | null = null;
  #is_told = false;

  constructor(parts: MemoryFenceParts) {
    this.#parts = parts;
  }

  get cgroup(): MemoryCgroup {
    return this.#parts.cgroup;
  }

  /** Does the resize within a limit that has room for it. */
  async around(
    id: string,
    bytes: number,
    resize: () => Promise<ResizeResult>,
  ): Promise<ResizeResult> {
    const { regions } = this.#parts;
    let result: ResizeResult | null = null;
    regions.begin(id, bytes);
    try {
      await this.#follow();
      result = await resize();
      return result;
    } finally {
      regions.end(id, bytes, result);
      // A limit that falls may take the host a while, for which nobody waits.
      void this.#follow();
    }
  }

  /** After the end of the process. */
  async remove(): Promise<void> {
    await this.#written;
    await this.#parts.cgroup.remove();
  }

  /** Resolves when the limit has room for all that is moving now; a failure is told, no more. */
  #follow(): Promise<void> {
    this.#written = this.#written.then(async () => await this.#write());
    return this.#written;
  }

  async #write(): Promise<void> {
    const { cgroup, regions, boot_bytes, slack_bytes, onTrouble } = this.#parts;
    const { bytes } = regions;
    if (bytes === this.#bytes) return;
    try {
      await cgroup.limit(boot_bytes + bytes, slack_bytes);
      this.#bytes = bytes;
    } catch (error) {
      if (!this.#is_told) onTrouble(messageOf(error));
      this.#is_told = true;
    }
  }
}

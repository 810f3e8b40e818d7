/**
 * A device cut into several regions, as one region after the other is resized. The VMM is told the
 * sum of what is asked of the regions; whose memory moved is worked out in shares.ts.
 */
import { vmmError } from '../errors.ts';
import type { CallLimit, ResizePort } from './runner.ts';
import { deviceBytes } from '../spec.ts';
import type { DeviceSpec } from '../vm.ts';
import { recoverShares, requestedOf, type Shares, shareOut } from './shares.ts';

/** What a driver must be able to do with the device as a whole. */
export interface DevicePort extends Pick<ResizePort, 'setTarget' | 'nudge' | 'onNews'> {
  /** What the VMM has as the target of the device, and as plugged. */
  sizes(
    limit: CallLimit,
  ): Promise<{ readonly requested_bytes: number; readonly plugged_bytes: number }>;
  /** Resident bytes of each region, in their order. */
  resident(): Promise<readonly number[]>;
}

export class SharedDevice {
  readonly #spec: DeviceSpec;
  readonly #port: DevicePort;
  readonly #region_bytes: number;
  /** Null until the first look: the VM may have had another owner before. */
  #shares: Shares | null = null;

  constructor(spec: DeviceSpec, port: DevicePort) {
    this.#spec = spec;
    this.#port = port;
    this.#region_bytes = deviceBytes(spec) / spec.regions.length;
  }

  /**
   * What a look from outside of any resize shows of each region. Keeps nothing of it: it may have
   * been overtaken by a resize on the way.
   */
  sharesAt(seen: {
    readonly requested_bytes: number;
    readonly plugged_bytes: number;
    readonly resident_bytes: readonly number[];
  }): Shares {
    return this.#shares ? shareOut(this.#shares, this.#region_bytes, seen) : this.#recover(seen);
  }

  /** What is known of a region without a look; null: nothing. */
  knownBytes(partition: number): number | null {
    return this.#shares?.[partition]?.plugged_bytes ?? null;
  }

  /** Makes what is plugged the target, so that nothing of it moves while others do. */
  async park(limit: CallLimit): Promise<void> {
    const before = await this.#known(limit);
    const { plugged_bytes } = await this.#port.sizes(limit);
    const resident_bytes = await this.#port.resident();
    const seen = shareOut(before, this.#region_bytes, { plugged_bytes, resident_bytes });
    this.#shares = seen.map((share) => ({
      ...share,
      requested_bytes: share.plugged_bytes > 0 ? this.#region_bytes : 0,
    }));
    await this.#port.setTarget(requestedOf(this.#shares), limit);
  }

  /**
   * One region of it as something to resize. Resizes of one device are not to overlap, and none
   * lets another go first (no `park`): what is plugged meanwhile is idle, so the guest would give
   * that back when the unplug goes on.
   */
  portOf(partition: number): ResizePort {
    const { onNews } = this.#port;
    return {
      setTarget: async (bytes, limit) => {
        const before = await this.#known(limit);
        if (bytes > 0) this.#checkOrder(before, partition);
        this.#shares = before.map((share, index) =>
          index === partition ? { ...share, requested_bytes: bytes } : share,
        );
        try {
          await this.#port.setTarget(requestedOf(this.#shares), limit);
        } catch (error) {
          this.#shares = before;
          throw error;
        }
      },
      nudge: async (_bytes, limit) =>
        await this.#port.nudge(requestedOf(await this.#known(limit)), limit),
      look: async (resident, limit) => {
        const before = await this.#known(limit);
        const { plugged_bytes } = await this.#port.sizes(limit);
        const resident_bytes = resident ? await this.#port.resident() : null;
        this.#shares = shareOut(before, this.#region_bytes, { plugged_bytes, resident_bytes });
        // Another one was given back than was asked for: the guest is told at once what is wanted
        // still.
        if (requestedOf(this.#shares) < requestedOf(before)) {
          await this.#port.setTarget(requestedOf(this.#shares), limit);
        }
        return {
          plugged_bytes: this.#shares[partition]?.plugged_bytes ?? 0,
          resident_bytes: resident_bytes?.[partition] ?? null,
        };
      },
      ...(onNews ? { onNews } : {}),
    };
  }

  async #known(limit: CallLimit): Promise<Shares> {
    if (this.#shares) return this.#shares;
    const sizes = await this.#port.sizes(limit);
    this.#shares = this.#recover({ ...sizes, resident_bytes: await this.#port.resident() });
    return this.#shares;
  }

  #recover(seen: {
    readonly requested_bytes: number;
    readonly plugged_bytes: number;
    readonly resident_bytes: readonly number[];
  }): Shares {
    return recoverShares(this.#spec.regions.length, this.#region_bytes, seen);
  }

  /** The guest plugs the first region that is not plugged, whichever was meant. */
  #checkOrder(shares: Shares, partition: number): void {
    if ((shares[partition]?.plugged_bytes ?? 0) > 0) return;
    const first = shares.findIndex(({ plugged_bytes }) => plugged_bytes < this.#region_bytes);
    if (first >= partition) return;
    const { id, regions } = this.#spec;
    const reason = `the guest plugs region ${regions[first]?.id} of device ${id} first.`;
    throw vmmError('HP_VMM_REJECTED', `Region ${regions[partition]?.id} is not next: ${reason}`, {
      next: `Plug region ${regions[first]?.id} first.`,
    });
  }
}

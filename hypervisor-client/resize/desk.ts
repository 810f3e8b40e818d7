/**
 * Where resizes of one VM are asked for, whatever its VMM: one of a region at a time, those that
 * must not overlap one after another, and whose target it is then.
 */
import type { Clock } from '../../base/clock.ts';
import { DEVICE_BLOCK_BYTES } from '../../base/units.ts';
import { vmmError } from '../errors.ts';
import { type Hold, Turn } from './turn.ts';
import { checkResize, findRegion, isShared, type PlacedRegion } from '../spec.ts';
import type { ResizeOptions, ResizeResult, VmSpec } from '../vm.ts';
import { type ResizeOwner, type ResizePort, resizeOwned } from './runner.ts';
import { unasked } from './unasked.ts';

/** A resize whose turn it is; `deadline_ms` counts from now. */
export interface RegionOrder extends ResizeOptions {
  readonly placed: PlacedRegion;
  readonly target_bytes: number;
  /** Where there are turns. */
  readonly hold?: Hold;
  readonly owner: ResizeOwner;
}

/** Resizes the region of an order by its port. */
export async function resizeOrdered(port: ResizePort, order: RegionOrder): Promise<ResizeResult> {
  const { placed, owner, signal, ...request } = order;
  const { id: region_id, max_bytes } = placed.region;
  const shares = isShared(placed.device);
  const block_bytes = shares ? max_bytes : DEVICE_BLOCK_BYTES;
  const whole = { ...request, region_id, max_bytes, block_bytes, withdraws_unplug: shares };
  return await resizeOwned(port, whole, owner, signal);
}

export interface ResizeDeskParts {
  readonly spec: VmSpec;
  readonly clock: Clock;
  /** Aborted when the VM ended or was released. */
  readonly stop: AbortSignal;
  /**
   * What moves one region at a time, by a name for people; null: this one moves beside all others.
   */
  readonly turnOf: (placed: PlacedRegion) => string | null;
  /** What is known of a region without a look; else the most it may have. */
  readonly pluggedAtMost: (placed: PlacedRegion) => number;
  /** Does it, by {@link resizeOrdered} in the end. */
  readonly resize: (order: RegionOrder) => Promise<ResizeResult>;
}

export class ResizeDesk {
  readonly #parts: ResizeDeskParts;
  readonly #resizing = new Set<string>();
  readonly #turns = new Map<string, Turn>();
  /** How often each region was resized. */
  readonly #requests = new Map<string, number>();

  constructor(parts: ResizeDeskParts) {
    this.#parts = parts;
  }

  /** `resizeRegion` of the interface. */
  async ask(id: string, bytes: number, options: ResizeOptions): Promise<ResizeResult> {
    const { spec } = this.#parts;
    const placed = findRegion(spec, id);
    checkResize(placed, bytes);
    if (this.#resizing.has(id)) {
      throw vmmError('HP_VMM_BUSY', `Region ${id} of VM ${spec.id} is being resized.`);
    }
    this.#resizing.add(id);
    try {
      return await this.#inTurn(placed, bytes, options);
    } finally {
      this.#resizing.delete(id);
    }
  }

  async #inTurn(
    placed: PlacedRegion,
    target_bytes: number,
    options: ResizeOptions,
  ): Promise<ResizeResult> {
    const { clock, pluggedAtMost, resize, turnOf } = this.#parts;
    const { id: region_id } = placed.region;
    const begin = async (deadline_ms: number, turn: Pick<RegionOrder, 'hold'> = {}) => {
      const owner = this.#ownerOf(region_id);
      return await resize({ placed, target_bytes, ...options, deadline_ms, ...turn, owner });
    };
    const where = turnOf(placed);
    if (where === null) return await begin(options.deadline_ms);
    const turn = this.#turns.get(where) ?? new Turn(clock);
    this.#turns.set(where, turn);
    const requested_at_ms = clock.nowMs();
    const before_bytes = pluggedAtMost(placed);
    const { deadline_ms } = options;
    const urgent = target_bytes >= before_bytes;
    const result = await turn.take({ urgent, deadline_ms }, async (hold) => {
      return await begin(requested_at_ms + deadline_ms - clock.nowMs(), { hold });
    });
    if (result) return result;
    return unasked(
      { region_id, target_bytes, before_bytes, requested_at_ms },
      { now_ms: clock.nowMs(), where },
    );
  }

  /** The latest whose turn it was is whose target it is. */
  #ownerOf(region_id: string): ResizeOwner {
    const { clock, stop } = this.#parts;
    const number = (this.#requests.get(region_id) ?? 0) + 1;
    this.#requests.set(region_id, number);
    return { clock, stop, isOurs: () => this.#requests.get(region_id) === number };
  }
}

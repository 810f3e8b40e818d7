/** What is really plugged on a host of a test, and how a resize there can end. */
import { MIB } from '../../../base/units.ts';
import type { ResizeOutcome } from '../../../agent/model/events.ts';
import type { OperationOrder } from '../../../agent/model/operations.ts';
import type { Fault } from './outcomes.ts';

export type Order = OperationOrder;

interface TrueRegion {
  readonly vm_id: string;
  readonly region_id: string;
  /** The worst the guest can have plugged. */
  plugged_bytes: number;
  /** The least it can come to, by all that its VMM may have been asked for. */
  least_bytes: number;
  /** That, and the same, before the resize in flight. */
  sure_bytes: number;
  before_bytes: number;
  busy: boolean;
}

const OUTCOMES = { none: 'done', refuse: 'refused', stall: 'refused', partial: 'partial' } as const;

export class Truth {
  readonly #regions = new Map<string, TrueRegion>();

  regions(): Iterable<TrueRegion> {
    return this.#regions.values();
  }

  /** What is plugged of it at least. */
  leastOf(vm_id: string, region_id: string): number {
    return this.#regions.get(`${vm_id}/${region_id}`)?.least_bytes ?? 0;
  }

  forget(vm_id: string): void {
    for (const [key, region] of this.#regions)
      if (region.vm_id === vm_id) this.#regions.delete(key);
  }

  /** A target is sent. The worst the guest can do at once: plug all it is offered, give nothing. */
  offer({ vm_id, region_id, to_bytes }: Order): void {
    const key = `${vm_id}/${region_id}`;
    const bytes = { plugged_bytes: 0, before_bytes: 0, least_bytes: 0, sure_bytes: 0 };
    const none = { vm_id, region_id, ...bytes, busy: false };
    const region = this.#regions.get(key) ?? none;
    if (region.busy) throw new Error(`${key}: two resizes at a time`);
    const { plugged_bytes } = region;
    const worst_bytes = Math.max(plugged_bytes, to_bytes);
    this.#regions.set(key, {
      ...region,
      before_bytes: plugged_bytes,
      plugged_bytes: worst_bytes,
      sure_bytes: region.least_bytes,
      least_bytes: Math.min(region.least_bytes, to_bytes),
      busy: true,
    });
  }

  /** Nobody waits for resizes in flight any more: they may or may not have been sent. */
  forgetAsked(): void {
    for (const region of this.#regions.values()) region.busy = false;
  }

  /**
   * It ends. `refuse`: the VMM said no at once, nothing changed. `stall`: it took the target and
   * nothing moved. `fail`: nobody knows; the target may stand, and what was seen may be too little.
   */
  end(order: Order, fault: Fault, now_ms: number): ResizeOutcome {
    const region = this.#regions.get(`${order.vm_id}/${order.region_id}`);
    if (!region) throw new Error('a resize that ends was sent');
    region.busy = false;
    const { before_bytes } = region;
    const known =
      fault === 'none' || fault === 'refuse' || fault === 'stall' || fault === 'partial';
    const outcome = known ? OUTCOMES[fault] : 'failed';
    const accepted = known && fault !== 'refuse';
    const seen_bytes = this.#seen(order, fault, before_bytes);
    if (fault === 'none') region.least_bytes = order.to_bytes;
    else if (fault === 'refuse') region.least_bytes = region.sure_bytes;
    if (fault === 'none') region.plugged_bytes = order.to_bytes;
    else if (fault === 'refuse') region.plugged_bytes = before_bytes;
    else if (accepted && order.to_bytes < before_bytes) region.plugged_bytes = seen_bytes;
    return {
      outcome,
      accepted,
      plugged_bytes: seen_bytes,
      plugged_at_ms: outcome === 'done' ? now_ms : null,
      error_code: outcome === 'done' ? null : 'HP_TEST_RESIZE',
      reason: outcome === 'done' ? null : fault,
    };
  }

  #seen(order: Order, fault: Fault, before_bytes: number): number {
    if (fault === 'none') return order.to_bytes;
    if (fault === 'refuse' || fault === 'stall') return before_bytes;
    if (fault === 'partial') return (before_bytes + order.to_bytes) / 2;
    return Math.min(before_bytes, 64 * MIB);
  }
}

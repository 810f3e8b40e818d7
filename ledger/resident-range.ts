/**
 * Between two looks of the host at a VM, what it may have held. Memory comes by being touched, at
 * any time, in what is plugged; it goes with an unplug alone, while that is under way. So at every
 * moment the VM had no less than at the first look without what may have gone since, and no more
 * than at the second with what may have gone until then. Pure.
 */
import type { LedgerRecord } from './record.ts';

/** Told of each part of the time between: the least and the most that may have been. */
export type OnRange = (
  from_ms: number,
  to_ms: number,
  least_bytes: number,
  most_bytes: number,
) => void;

interface Shrink {
  /** Decided; nothing was gone before. */
  readonly from_ms: number;
  /** Its end was told; infinite: it is under way. */
  until_ms: number;
  bytes: number;
}

interface Region {
  /** The most that may be plugged, now. */
  bytes: number;
  /** The same at the last look. */
  look_bytes: number;
  /** By operation. */
  readonly shrinks: Map<string, Shrink>;
}

/** What one region has in the bounds, at the moment that is looked at. */
interface Share {
  /** The most that may be plugged. */
  size_bytes: number;
  readonly look_bytes: number;
  /** Of what goes before the next look: what may be there still, and what may be gone already. */
  there_bytes: number;
  gone_bytes: number;
}

/** A moment at which a share changes. */
interface Turn {
  readonly at_ms: number;
  readonly region: Region;
  readonly change: (share: Share) => void;
}

const SHRUNK = new Set<LedgerRecord['kind']>(['emptied', 'shrunk', 'discarded']);
const GROWN = new Set<LedgerRecord['kind']>(['populated', 'grown']);

/** What is plugged in one VM, and what goes of it. */
export class ResidentRange {
  readonly #regions = new Map<string, Region>();
  /** New sizes since the last look. */
  #sizes: Turn[] = [];
  /** Granted for boot memory and the VMM. */
  #boot_bytes = 0;

  /** A record about the VM, or about a region of it. */
  take(record: LedgerRecord, at_ms: number): void {
    const { kind, region_id, operation_id = '', to_bytes = 0, from_bytes = 0 } = record;
    if (region_id === undefined) {
      if (kind === 'permit') this.#boot_bytes = to_bytes;
      if (kind === 'resumed') this.#boot_bytes = record.permit_bytes ?? this.#boot_bytes;
      return;
    }
    const region = this.#region(region_id);
    if (kind === 'plug') this.#size(region, at_ms, Math.max(region.bytes, to_bytes));
    else if (kind === 'unplug') {
      const bytes = Math.max(0, from_bytes - to_bytes);
      region.shrinks.set(operation_id, {
        from_ms: at_ms,
        until_ms: Number.POSITIVE_INFINITY,
        bytes,
      });
    } else if (GROWN.has(kind)) {
      this.#size(region, at_ms, record.vmm_bytes ?? Math.max(region.bytes, to_bytes));
    } else if (SHRUNK.has(kind)) this.#shrunk(region, record, at_ms);
    else if (kind === 'resumed') this.#resumed(region, record, at_ms);
  }

  #shrunk(region: Region, record: LedgerRecord, at_ms: number): void {
    const { kind, operation_id = '', from_bytes = 0, vmm_bytes } = record;
    const shrink = region.shrinks.get(operation_id);
    if (shrink) shrink.until_ms = at_ms;
    if (kind === 'discarded' || vmm_bytes === undefined || vmm_bytes === null) return;
    if (shrink) shrink.bytes = Math.max(0, from_bytes - vmm_bytes);
    this.#size(region, at_ms, vmm_bytes);
  }

  /** What an earlier agent had under way, and did not end, ended while nobody wrote. */
  #resumed(region: Region, { operation_id, vmm_bytes }: LedgerRecord, at_ms: number): void {
    for (const [id, shrink] of region.shrinks) {
      if (id !== operation_id) shrink.until_ms = Math.min(shrink.until_ms, at_ms);
    }
    if (vmm_bytes !== undefined && vmm_bytes !== null) this.#size(region, at_ms, vmm_bytes);
  }

  #region(id: string): Region {
    const known = this.#regions.get(id);
    if (known) return known;
    const made: Region = { bytes: 0, look_bytes: 0, shrinks: new Map() };
    this.#regions.set(id, made);
    return made;
  }

  #size(region: Region, at_ms: number, bytes: number): void {
    region.bytes = bytes;
    this.#sizes.push({ at_ms, region, change: (share) => (share.size_bytes = bytes) });
  }

  /**
   * From the last look, at which there was `first_bytes`, to this one. `last_bytes` null: nobody
   * looked at the end, and all that was granted may have been there.
   */
  between(
    { from_ms, to_ms }: { readonly from_ms: number; readonly to_ms: number },
    first_bytes: number,
    last_bytes: number | null,
    visit: OnRange,
  ): void {
    const shares = new Map([...this.#regions.values()].map((region) => [region, shareOf(region)]));
    const sums = { there_bytes: 0, gone_bytes: 0, size_bytes: this.#boot_bytes };
    const count = (share: Share, sign: 1 | -1): void => {
      sums.there_bytes += sign * Math.min(share.there_bytes, share.size_bytes);
      sums.gone_bytes += sign * Math.min(share.gone_bytes, share.look_bytes);
      sums.size_bytes += sign * share.size_bytes;
    };
    for (const share of shares.values()) count(share, 1);
    let at_ms = from_ms;
    const tell = (until_ms: number): void => {
      if (until_ms <= at_ms) return;
      const least = Math.max(0, first_bytes - sums.gone_bytes);
      const most =
        last_bytes === null
          ? Math.max(first_bytes, sums.size_bytes)
          : last_bytes + sums.there_bytes;
      visit(at_ms, until_ms, Math.min(least, most), Math.max(least, most));
      at_ms = until_ms;
    };
    for (const { at_ms: turn_ms, region, change } of this.#turns()) {
      tell(Math.min(turn_ms, to_ms));
      const share = shares.get(region);
      if (!share) continue;
      count(share, -1);
      change(share);
      count(share, 1);
    }
    tell(to_ms);
  }

  #turns(): Turn[] {
    const turns: Turn[] = [...this.#sizes];
    for (const region of this.#regions.values()) {
      for (const { from_ms, until_ms, bytes } of region.shrinks.values()) {
        turns.push({ at_ms: from_ms, region, change: (share) => (share.gone_bytes += bytes) });
        turns.push({ at_ms: until_ms, region, change: (share) => (share.there_bytes -= bytes) });
      }
    }
    return turns.toSorted((a, b) => a.at_ms - b.at_ms);
  }

  /** The next look begins here: what is over is forgotten. */
  looked(): void {
    this.#sizes = [];
    for (const region of this.#regions.values()) {
      region.look_bytes = region.bytes;
      for (const [id, { until_ms }] of region.shrinks) {
        if (until_ms < Number.POSITIVE_INFINITY) region.shrinks.delete(id);
      }
    }
  }
}

function shareOf({ look_bytes, shrinks }: Region): Share {
  let there_bytes = 0;
  for (const { bytes } of shrinks.values()) there_bytes += bytes;
  return { size_bytes: look_bytes, look_bytes, there_bytes, gone_bytes: 0 };
}

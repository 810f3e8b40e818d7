/**
 * Drift: what was requested of a region, what the VMM calls plugged, what its guest counts and what
 * the host holds disagree by more than a block for longer than any resize takes. Pure.
 */
import { formatBytes, DEVICE_BLOCK_BYTES } from '../../base/units.ts';
import type { GuestStats } from '../../guest/protocol/protocol.ts';
import type { Region } from '../../hypervisor-client/vm.ts';
import { AGENT_LIMITS } from '../limits.ts';

/** A region of which that is so, and by how much. */
export interface Drift {
  readonly region_id: string;
  readonly bytes: number;
  readonly since_ms: number;
  /** For people, with the numbers. */
  readonly message: string;
}

export class Drifts {
  /** Since when the observers disagree, for each region where they do. */
  readonly #since = new Map<string, number>();
  readonly #lasting = new Map<string, Drift>();

  /** The drift of a region that has lasted for too long; null: there is none. */
  of(region_id: string): Drift | null {
    return this.#lasting.get(region_id) ?? null;
  }

  /** Takes what was seen of all regions of a VM; those that have drifted for too long since now. */
  look(at_ms: number, regions: readonly Region[], stats: GuestStats | null): readonly Drift[] {
    const news: Drift[] = [];
    const by_guest = new Map(stats?.partitions.map((one) => [one.region_pci, one.plugged_bytes]));
    for (const region of regions) {
      const { id: region_id } = region;
      const guest_bytes = by_guest.get(region.pci_address) ?? null;
      const found = disagreement(region, guest_bytes);
      if (!found) {
        this.#since.delete(region_id);
        this.#lasting.delete(region_id);
        continue;
      }
      const since_ms = this.#since.get(region_id) ?? at_ms;
      this.#since.set(region_id, since_ms);
      if (at_ms - since_ms < AGENT_LIMITS.drift_ms) continue;
      const drift = { region_id, since_ms, ...found };
      if (!this.#lasting.has(region_id)) news.push(drift);
      this.#lasting.set(region_id, drift);
    }
    return news;
  }
}

/** The largest disagreement of more than a block; null: there is none. */
function disagreement(
  region: Region,
  guest_bytes: number | null,
): Pick<Drift, 'bytes' | 'message'> | null {
  const { id, requested_bytes, plugged_bytes, resident_bytes } = region;
  const bytes = Math.max(
    Math.abs(requested_bytes - plugged_bytes),
    Math.abs((guest_bytes ?? plugged_bytes) - plugged_bytes),
    // A guest need not touch what it has; the host must not hold what it has not.
    resident_bytes - plugged_bytes,
  );
  if (bytes <= DEVICE_BLOCK_BYTES) return null;
  const sizes = [requested_bytes, plugged_bytes, resident_bytes].map(formatBytes);
  const [requested = '', plugged = '', resident = ''] = sizes;
  const counted = guest_bytes === null ? 'an unknown size' : formatBytes(guest_bytes);
  const message =
    `region ${id}: ${requested} requested, ${plugged} plugged by the VMM's word and ${counted} by ` +
    `its guest's, ${resident} held by the host, for longer than a resize takes.`;
  return { bytes, message };
}

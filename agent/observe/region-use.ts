/** What of a region is in use, as its guest tells it. Pure. */
import type { GuestStats } from '../../guest/protocol/protocol.ts';

type Told = Pick<
  GuestStats['partitions'][number],
  'state' | 'plugged_bytes' | 'used_bytes' | 'node_used_bytes'
>;

/** Of what is no partition a guest knows it where the region is a node. Null: not known. */
export function regionUse(told: Told | undefined): number | null {
  if (!told) return null;
  if (told.state !== 'stock') return told.used_bytes;
  return told.plugged_bytes === 0 ? 0 : (told.node_used_bytes ?? null);
}

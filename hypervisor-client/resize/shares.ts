/**
 * Which region of a device has what of the one size that the VMM tells of it. Pure.
 *
 * The guest keeps to whole regions (drivers/virtio/virtio_mem.c of the series, `hotmem=DEVICE/N`):
 * it plugs them from the first to the last, and gives back those that nobody uses, the last one
 * first. The VMM tells the sum. What is resident on the host settles the rest: memory that is not
 * plugged holds no pages, so a region with pages is plugged, and one that lost them all while the
 * sum fell is the one the guest chose.
 */
export interface Share {
  /** The region's part of what is asked of the device: all of it or nothing. */
  readonly requested_bytes: number;
  readonly plugged_bytes: number;
}

export type Shares = readonly Share[];

/** What was seen of a device. */
export interface DeviceLook {
  readonly plugged_bytes: number;
  /** Resident bytes of each region, read after the size; null: not looked at. */
  readonly resident_bytes: readonly number[] | null;
}

/** What is asked of the whole device. */
export const requestedOf = (shares: Shares): number =>
  shares.reduce((sum, { requested_bytes }) => sum + requested_bytes, 0);

const pluggedOf = (shares: Shares): number =>
  shares.reduce((sum, { plugged_bytes }) => sum + plugged_bytes, 0);

/**
 * The shares after a look. A region that the guest gave back although another one was asked for has
 * nothing requested any more: the other one is still wanted back.
 */
export function shareOut(before: Shares, region_bytes: number, look: DeviceLook): Shares {
  const { plugged_bytes, resident_bytes } = look;
  if (resident_bytes === null && pluggedOf(before) === plugged_bytes) return before;
  const ranks = before.map((share, index) => rankOf(share, resident_bytes?.[index] ?? 0));
  const plugged = deal(ranks, region_bytes, plugged_bytes);
  const reached = resident_bytes !== null && plugged_bytes <= requestedOf(before);
  return before.map((share, index) => {
    const now_bytes = plugged[index] ?? 0;
    const lost = reached && share.plugged_bytes > 0 && now_bytes === 0;
    return { requested_bytes: lost ? 0 : share.requested_bytes, plugged_bytes: now_bytes };
  });
}

/** The shares of a device about which nothing is known but what can be seen (an adopted VM). */
export function recoverShares(
  count: number,
  region_bytes: number,
  seen: DeviceLook & { readonly requested_bytes: number },
): Shares {
  const resident = Array.from({ length: count }, (_, index) => seen.resident_bytes?.[index] ?? 0);
  const ranks = resident.map((bytes) => (bytes > 0 ? 0 : 1));
  const plugged = deal(ranks, region_bytes, seen.plugged_bytes);
  const wanted = plugged.map((bytes, index) => (bytes > 0 ? 0 : 2) + (ranks[index] ?? 1));
  const requested = deal(wanted, region_bytes, seen.requested_bytes);
  return plugged.map((plugged_bytes, index) => ({
    plugged_bytes,
    requested_bytes: requested[index] ?? 0,
  }));
}

/** The lower, the surer it is plugged; among equals the first ones are. */
function rankOf({ requested_bytes, plugged_bytes }: Share, resident_bytes: number): number {
  if (resident_bytes > 0) return 0;
  if (plugged_bytes > 0) return requested_bytes > 0 ? 1 : 2;
  return requested_bytes > 0 ? 3 : 4;
}

/** Hands `bytes` out in whole regions, by rank and then by place; what is left goes to the next. */
function deal(ranks: readonly number[], region_bytes: number, bytes: number): readonly number[] {
  const dealt = ranks.map(() => 0);
  let rest_bytes = bytes;
  const order = ranks.map((rank, index) => ({ rank, index }));
  for (const { index } of order.toSorted((a, b) => a.rank - b.rank || a.index - b.index)) {
    dealt[index] = Math.min(rest_bytes, region_bytes);
    rest_bytes -= dealt[index] ?? 0;
  }
  return dealt;
}

/** What tables of names by open addressing have in common: a slot holds a place plus one. */

export const FIRST_SLOTS = 1_024;
/** FNV-1a. */
export const HASH_OFFSET = 0x811c9dc5;
export const HASH_PRIME = 0x01000193;

/** The last steps of MurmurHash3, so that low bits differ too. */
export function mixed(hash: number): number {
  const once = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  const twice = Math.imul(once ^ (once >>> 13), 0xc2b2ae35);
  return (twice ^ (twice >>> 16)) >>> 0;
}

/** Slots for the places with these hashes: the same ones, or twice as many once half are taken. */
export function roomySlots(
  slots: Uint32Array<ArrayBuffer>,
  hashes: readonly number[],
): Uint32Array<ArrayBuffer> {
  if (hashes.length * 2 <= slots.length) return slots;
  const wider = new Uint32Array(slots.length * 2);
  const mask = wider.length - 1;
  for (const [place, hash] of hashes.entries()) {
    let slot = hash & mask;
    while (wider[slot] !== 0) slot = (slot + 1) & mask;
    wider[slot] = place + 1;
  }
  return wider;
}

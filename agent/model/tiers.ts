/** Kinds of host memory, and bytes of each. One today: the host's own. Pure. */

/** Tiers of host memory that permits are kept for. */
export const TIERS = ['host'] as const;
export type Tier = (typeof TIERS)[number];

/** Bytes of every tier. */
export type TierBytes = Readonly<Record<Tier, number>>;

/** Nothing of any tier. */
export const NO_BYTES: TierBytes = { host: 0 };

/** That many bytes of the host's own memory and nothing of the others. */
export function hostBytes(bytes: number): TierBytes {
  return { ...NO_BYTES, host: bytes };
}

/** `a` and `b` together, tier by tier. */
export function sumBytes(a: TierBytes, b: TierBytes): TierBytes {
  return { host: a.host + b.host };
}

/** `a` without `b`, tier by tier; below nothing where `b` is the larger. */
export function lessBytes(a: TierBytes, b: TierBytes): TierBytes {
  return { host: a.host - b.host };
}

/** Bytes of all tiers in one sum. */
export function totalBytes(bytes: TierBytes): number {
  return bytes.host;
}

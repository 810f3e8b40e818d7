// Numbers by seed, alike in every language: xorshift32 (Marsaglia, 2003).
import { createHash } from 'node:crypto';

export function seeded(seed) {
  let x = seed >>> 0 || 1;
  return (below) => {
    x = (x ^ (x << 13)) >>> 0;
    x = (x ^ (x >>> 17)) >>> 0;
    x = (x ^ (x << 5)) >>> 0;
    return x % below;
  };
}

export const digest = (data) => createHash('sha256').update(data).digest('hex').slice(0, 16);

/** So many values, one after another. */
export const times = (count, make) => Array.from({ length: count }, (_, index) => make(index));

// An RGB image of `size` x `size` made half as wide and high: the mean of four pixels each.
import { digest, seeded } from './seeded.mjs';

export function handler({ seed, size }) {
  const random = seeded(seed);
  const image = Uint8Array.from({ length: size * size * 3 }, () => random(256));
  const stride = size * 3;
  const half = Math.floor(size / 2);
  const small = new Uint8Array(half * half * 3);
  let used = 0;
  for (let y = 0; y < half; y += 1) {
    for (let x = 0; x < half; x += 1) {
      for (let channel = 0; channel < 3; channel += 1) {
        const at = 2 * y * stride + 2 * x * 3 + channel;
        const sum = image[at] + image[at + 3] + image[at + stride] + image[at + stride + 3];
        small[used] = Math.floor(sum / 4);
        used += 1;
      }
    }
  }
  return { bytes: small.length, digest: digest(small) };
}

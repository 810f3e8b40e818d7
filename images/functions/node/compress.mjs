// `size` bytes of text compressed and brought back.
import { deflateSync, inflateSync } from 'node:zlib';
import { digest, seeded } from './seeded.mjs';

const LETTERS = Buffer.from('aaaaabcdefghij klmn');

export function handler({ seed, size }) {
  const random = seeded(seed);
  const text = Uint8Array.from({ length: size }, () => LETTERS[random(LETTERS.length)]);
  const packed = deflateSync(text, { level: 6 });
  const back = inflateSync(packed);
  return { digest: digest(back), smaller: packed.length < text.length };
}

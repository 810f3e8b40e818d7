// `size` grey frames, each blurred and held against the one before: how many pixels changed.
import { seeded, times } from './seeded.mjs';

const WIDTH = 64;
const HEIGHT = 48;
const CHANGED = 12;

function blurred(frame) {
  const out = new Uint8Array(WIDTH * HEIGHT);
  for (let y = 1; y < HEIGHT - 1; y += 1) {
    for (let x = 1; x < WIDTH - 1; x += 1) {
      let total = 0;
      for (let row = y - 1; row <= y + 1; row += 1) {
        const at = row * WIDTH + x;
        total += frame[at - 1] + frame[at] + frame[at + 1];
      }
      out[y * WIDTH + x] = Math.floor(total / 9);
    }
  }
  return out;
}

export function handler({ seed, size }) {
  const random = seeded(seed);
  const frame = Uint8Array.from({ length: WIDTH * HEIGHT }, () => random(256));
  let before = blurred(frame);
  const changed = times(size, () => {
    for (let point = 0; point < 200; point += 1) {
      // The value is drawn first, as where an assignment reads from right to left.
      const value = random(256);
      frame[random(WIDTH * HEIGHT)] = value;
    }
    const now = blurred(frame);
    const count = now.filter((one, at) => Math.abs(one - before[at]) > CHANGED).length;
    before = now;
    return count;
  });
  const sum = changed.reduce((total, one) => total + one, 0);
  return { frames: changed.length, changed: sum, last: changed.at(-1) };
}

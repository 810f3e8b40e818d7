// Product of two matrices of `size` x `size` whole numbers.
import { seeded, times } from './seeded.mjs';

const PRIME = 1_000_000_007;

export function handler({ seed, size }) {
  const random = seeded(seed);
  const matrix = () => times(size, () => times(size, () => random(1000)));
  const left = matrix();
  const right = matrix();
  let trace = 0;
  let check = 0;
  for (let i = 0; i < size; i += 1) {
    for (let j = 0; j < size; j += 1) {
      let cell = 0;
      for (let k = 0; k < size; k += 1) cell += left[i][k] * right[k][j];
      check = (check * 31 + cell) % PRIME;
      if (i === j) trace += cell;
    }
  }
  return { trace, check };
}

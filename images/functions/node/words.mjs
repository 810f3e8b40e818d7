// How often each word stands in a text of `size` words.
import { digest, seeded, times } from './seeded.mjs';

const SYLLABLES = ['ba', 'ke', 'li', 'mo', 'nu', 'ra'];

export function handler({ seed, size }) {
  const random = seeded(seed);
  const word = () => times(1 + random(3), () => SYLLABLES[random(6)]).join('');
  const text = times(size, word).join(' ');
  const counts = new Map();
  for (const one of text.match(/[a-z]+/g) ?? []) counts.set(one, (counts.get(one) ?? 0) + 1);
  const told = [...counts];
  told.sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  const lines = told.map(([one, count]) => `${one} ${count}\n`).join('');
  return { words: told.length, first: told[0]?.[0], digest: digest(lines) };
}

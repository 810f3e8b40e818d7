// HTML templating: a table of `size` rows, everything escaped.
import { digest, seeded, times } from './seeded.mjs';

const WORDS = ['tea & cake', '<bold>', 'a "cup"', 'bread', 'salt', 'plum'];
const ESCAPES = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };
const escaped = (text) => text.replace(/[&<>]/g, (one) => ESCAPES[one]);

export function handler({ seed, size }) {
  const random = seeded(seed);
  const rows = times(size, (index) => {
    const name = escaped(WORDS[random(WORDS.length)]);
    const price = (random(10_000) / 100).toFixed(2);
    const shade = index % 2 === 0 ? 'even' : 'odd';
    return `<tr class="${shade}"><td>${index}</td><td>${name}</td><td>${price}</td></tr>\n`;
  });
  const html = `<table>\n${rows.join('')}</table>\n`;
  return { bytes: html.length, digest: digest(html) };
}

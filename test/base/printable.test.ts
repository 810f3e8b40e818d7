import test from 'ava';
import { printable } from '../../base/printable.ts';

for (const [title, text, shown] of [
  ['plain text of any script', 'größe 内存 😀', 'größe 内存 😀'],
  ['an escape sequence', '\u001b[2Jgone', '\ufffd[2Jgone'],
  ['an eight-bit escape', '\u009b2J', '\ufffd2J'],
  ['line ends and tabs', 'a\r\nb\tc\u2028d', 'a\ufffd\ufffdb\ufffdc\ufffdd'],
  ['an order of reading turned round', 'a\u202ecba', 'a\ufffdcba'],
  ['half of a pair', 'a\ud83d', 'a\ufffd'],
] as const) {
  test(`text from outside, ${title}, moves nothing on a terminal`, (t) => {
    t.is(printable(text), shown);
  });
}

test('long text is cut to what was asked for, and the cut shows', (t) => {
  t.is(printable('abcdef', 6), 'abcdef');
  t.is(printable('abcdefg', 6), 'abcde…');
  t.is(printable('x'.repeat(1e6), 80).length, 80);
});

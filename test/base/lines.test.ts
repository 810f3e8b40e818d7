/** Lines of a stream: the same however it is cut, and never more of one than the limit. */
import test from 'ava';
import fc from 'fast-check';
import { LineSplitter } from '../../base/lines.ts';
import { holds } from '../seed.ts';

interface Told {
  readonly lines: string[];
  readonly numbers: number[];
  readonly too_long: { start: string; number: number }[];
}

function splitter(limit_bytes: number, decode?: (bytes: Buffer) => string) {
  const told: Told = { lines: [], numbers: [], too_long: [] };
  const lines = new LineSplitter({
    limit_bytes,
    onLine: (text, number) => {
      told.lines.push(text);
      told.numbers.push(number);
    },
    onTooLong: (start, number) => told.too_long.push({ start, number }),
    ...(decode ? { decode } : {}),
  });
  return { told, lines };
}

function pushInPieces(lines: LineSplitter, stream: Buffer, cuts: readonly number[]): void {
  let at = 0;
  for (const length of [...cuts, stream.length]) {
    lines.push(stream.subarray(at, at + length));
    at += length;
  }
  lines.end();
}

const text = fc.string({ unit: fc.constantFrom('a', '"', 'é', '{', '\u{1f600}') });
const pieces = fc.array(fc.nat({ max: 60 }), { maxLength: 20 });

for (const [name, end] of [
  ['a newline', '\n'],
  ['a return and a newline', '\r\n'],
] as const) {
  test(`lines that end with ${name} are the same however the stream is cut`, async (t) => {
    const property = fc.property(fc.array(text, { maxLength: 20 }), pieces, (expected, cuts) => {
      const { told, lines } = splitter(10_000);
      pushInPieces(lines, Buffer.from(expected.map((one) => `${one}${end}`).join('')), cuts);
      t.deepEqual(told.lines, expected);
      t.deepEqual(
        told.numbers,
        expected.map((_, index) => index + 1),
      );
    });
    await holds(t, property, { runs: 500 });
  });
}

test('a line beyond the limit is told once, wherever the stream is cut, and nothing after it', async (t) => {
  const property = fc.property(
    fc.integer({ min: 1, max: 30 }),
    fc.integer({ min: 1, max: 200 }),
    pieces,
    (limit, over, cuts) => {
      const { told, lines } = splitter(limit);
      const longest = 'x'.repeat(limit);
      const stream = `${longest}\n${longest}\r\n${'y'.repeat(limit + over)}\nlater\n`;
      pushInPieces(lines, Buffer.from(stream), cuts);
      t.deepEqual(told.lines, [longest, longest]);
      t.deepEqual(
        told.too_long.map(({ number }) => number),
        [3],
      );
      t.true(/^y{1,80}$/.test(told.too_long[0]?.start ?? ''));
    },
  );
  await holds(t, property, { runs: 500 });
});

test('a line that never ends is told before it is there, and not kept', (t) => {
  const { told, lines } = splitter(10);
  lines.push(Buffer.from('12345'));
  lines.push(Buffer.from('67890'));
  t.is(told.too_long.length, 0);
  lines.push(Buffer.from('1'));
  t.is(told.too_long.length, 1);
  for (let count = 0; count < 100; count += 1) lines.push(Buffer.alloc(1024));
  t.is(told.too_long.length, 1);
});

test('a last line without an end is told at the end, an empty rest is none', (t) => {
  const cut = splitter(10);
  cut.lines.push(Buffer.from('a\nb'));
  t.deepEqual(cut.told.lines, ['a']);
  cut.lines.end();
  t.deepEqual(cut.told.lines, ['a', 'b']);
  const whole = splitter(10);
  whole.lines.push(Buffer.from('a\n'));
  whole.lines.end();
  t.deepEqual(whole.told.lines, ['a']);
});

test('bytes are decoded as the owner says', (t) => {
  const { told, lines } = splitter(10, (bytes) => bytes.toString('latin1'));
  lines.push(Buffer.from([0xff, 0x0a]));
  t.deepEqual(told.lines, ['ÿ']);
});

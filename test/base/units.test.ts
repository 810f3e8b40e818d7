import test from 'ava';
import fc from 'fast-check';
import { formatBytes, formatMs, GIB, KIB, MIB, parseBytes, roundUp } from '../../base/units.ts';
import { holds } from '../seed.ts';

const sizes: readonly [string, number | null][] = [
  ['4096', 4096],
  ['64k', 64 * KIB],
  ['128MiB', 128 * MIB],
  ['2 GiB', 2 * GIB],
  ['1.5GiB', 1.5 * GIB],
  ['0', 0],
  ['', null],
  ['-1', null],
  ['0.3', null],
  ['12 parsecs', null],
  ['99999999TiB', null],
];

for (const [text, bytes] of sizes) {
  test(`the size '${text}' is ${bytes === null ? 'refused' : `${bytes} bytes`}`, (t) => {
    t.is(parseBytes(text), bytes);
  });
}

test('a whole number of MiB survives printing and parsing', async (t) => {
  await holds(
    t,
    fc.property(fc.integer({ min: 1, max: 1023 }), (mib) => {
      t.is(parseBytes(formatBytes(mib * MIB)), mib * MIB);
    }),
  );
});

test('rounding up gives the smallest multiple that is not below', async (t) => {
  await holds(
    t,
    fc.property(fc.nat(2 ** 40), fc.integer({ min: 1, max: 2 ** 30 }), (bytes, unit) => {
      const rounded = roundUp(bytes, unit);
      t.true(rounded >= bytes && rounded - bytes < unit && rounded % unit === 0);
    }),
  );
});

const times: readonly [number, string][] = [
  [0.85, '850 µs'],
  [12.34, '12.3 ms'],
  [617, '617 ms'],
  [2500, '2.5 s'],
  [125_000, '2 min 5 s'],
  [419_800, '7 min 0 s'],
  [-2500, '-2.5 s'],
];
for (const [ms, text] of times) {
  test(`${ms} ms reads as ${text}`, (t) => {
    t.is(formatMs(ms), text);
  });
}

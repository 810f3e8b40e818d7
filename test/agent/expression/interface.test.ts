/** A memory interface is read, evaluated for a payload, and bounded for admission. */
import test from 'ava';
import fc from 'fast-check';
import { readInterface, sizesFor, worstCase } from '../../../agent/expression/interface.ts';
import { holds } from '../../seed.ts';

const MATMUL = {
  parameters: { n: { pointer: '/n', min: 0, max: 2000 } },
  consumed: '3 * sizeof(float) * n * n + 56',
  freed: '2 * sizeof(float) * n * n + 56',
  peak: '3 * sizeof(float) * n * n + 56',
  base: '34MiB',
};

test('a call is sized by its payload', (t) => {
  t.deepEqual(sizesFor(readInterface(MATMUL), { n: 100 }), {
    consumed_bytes: 240_056,
    freed_bytes: 160_056,
    peak_bytes: 240_056 + 34 * 1024 * 1024,
  });
});

test('the worst case over the declared ranges is above every call within them', async (t) => {
  const of = readInterface(MATMUL);
  const most = worstCase(of);
  await holds(
    t,
    fc.property(fc.integer({ min: 0, max: 2000 }), (n) => {
      const { peak_bytes, consumed_bytes } = sizesFor(of, { n });
      return peak_bytes <= most.peak_bytes && consumed_bytes <= most.consumed_bytes;
    }),
  );
  t.is(most.consumed_bytes, 96_000_056);
});

test('lengths, units, texts of numbers and nested pointers are read', (t) => {
  const of = readInterface({
    parameters: {
      text: { pointer: '/body/a~1b', measure: 'length' },
      file_size: { pointer: '/files/1/size', unit: 'MiB' },
      n: '/n',
    },
    peak: 'text + file_size + n',
  });
  const payload = { body: { 'a/b': 'né' }, files: [{}, { size: 2 }], n: '7' };
  t.is(sizesFor(of, payload).peak_bytes, 3 + 2 * 1024 * 1024 + 7);
});

test('an attribute is asked of the platform, never of the payload', (t) => {
  const of = readInterface({ attributes: { 'size(key)': { max: 1000 } }, peak: '2 * size(key)' });
  t.is(sizesFor(of, { 'size(key)': 1 }, { 'size(key)': 500 }).peak_bytes, 1000);
  t.throws(() => sizesFor(of, { 'size(key)': 1 }), { code: 'HP_MUX_PARAMETER' });
  t.is(worstCase(of).peak_bytes, 2000);
});

test('a warm call has sizes of its own', (t) => {
  const of = readInterface({ parameters: { n: '/n' }, peak: '100 + n', warm: { peak: 'n' } });
  t.is(sizesFor(of, { n: 5 }).peak_bytes, 105);
  t.is(sizesFor(of, { n: 5 }, {}, 'warm').peak_bytes, 5);
});

const LIES: readonly (readonly [what: string, payload: unknown])[] = [
  ['nothing', undefined],
  ['no object', 17],
  ['no such member', { m: 1 }],
  ['null', { n: null }],
  ['a text', { n: 'many' }],
  ['a list', { n: [1] }],
  ['not finite', { n: Number.POSITIVE_INFINITY }],
  ['below the range', { n: -1 }],
  ['above the range', { n: 2001 }],
  ['hidden in the prototype', Object.create({ n: 1 })],
];
for (const [what, payload] of LIES) {
  test(`a payload that lies is refused: ${what}`, (t) => {
    t.throws(() => sizesFor(readInterface(MATMUL), payload), { code: 'HP_MUX_PARAMETER' });
  });
}

test('a size beyond all measure is refused, never rounded or wrapped', (t) => {
  const of = readInterface({ parameters: { n: '/n' }, peak: 'n*n*n' });
  t.throws(() => sizesFor(of, { n: 1e9 }), { code: 'HP_MUX_OVERFLOW' });
  t.throws(() => sizesFor(readInterface({ parameters: { n: '/n' }, peak: '4 - n' }), { n: 9 }), {
    code: 'HP_MUX_OVERFLOW',
  });
  t.throws(() => worstCase(of), { code: 'HP_MUX_UNBOUNDED' });
});

const NOT_ONE: readonly (readonly [what: string, block: unknown, code: string])[] = [
  ['no object', 'n', 'HP_MUX_INTERFACE'],
  ['without peak', { consumed: '1' }, 'HP_MUX_INTERFACE'],
  ['an unknown key', { peak: '1', peek: '1' }, 'HP_MUX_INTERFACE'],
  ['a pointer without a slash', { parameters: { n: 'n' }, peak: 'n' }, 'HP_MUX_INTERFACE'],
  ['an undeclared name', { peak: 'n' }, 'HP_MUX_SYNTAX'],
  [
    'a range that is none',
    { parameters: { n: { pointer: '/n', min: 2, max: 1 } }, peak: 'n' },
    'HP_MUX_INTERFACE',
  ],
  ['a base that is no size', { peak: '1', base: 'much' }, 'HP_MUX_INTERFACE'],
  [
    'bytes times bytes',
    { parameters: { f: { pointer: '/f', unit: 'MiB' } }, peak: 'f * f' },
    'HP_MUX_UNIT',
  ],
];
for (const [what, block, code] of NOT_ONE) {
  test(`an interface is refused: ${what}`, (t) => {
    t.throws(() => readInterface(block), { code });
  });
}

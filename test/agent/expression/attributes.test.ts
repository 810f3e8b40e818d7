/** Attributes of a memory expression: what a definition says of them, and what it has to. */
import test from 'ava';
import { attributeOf, attributeUnit } from '../../../agent/expression/attributes.ts';
import { readInterface, sizesFor, worstCase } from '../../../agent/expression/interface.ts';
import { callMemory } from '../../../agent/model/call-memory.ts';
import { expressionOfBlock, worstOf } from '../../../agent/model/expression-spec.ts';
import { memoryExpressionSchema } from '../../../agent/expression/interface.ts';
import { MIB } from '../../../base/units.ts';
import { specOf } from '../core/world.ts';

const NO_MEMORY = {
  baseline_bytes: null,
  increment_bytes: null,
  history: false,
  grow_wait_ms: null,
};
const SIZE = 'size(object.key)';
const block = (attribute: unknown, peak = `2 * ${SIZE} + 100`): unknown => ({
  parameters: { n: { pointer: '/n', max: 10 } },
  attributes: { [SIZE]: attribute },
  peak: `${peak} + n`,
});
const deployed = (attribute: unknown, peak?: string) =>
  expressionOfBlock(memoryExpressionSchema.parse(block(attribute, peak)));
const peakOf = (attribute: unknown, payload: object): number | string => {
  const spec = specOf('f', { memory: { ...NO_MEMORY, expression: deployed(attribute) } });
  const told = callMemory(spec, Buffer.from(JSON.stringify(payload)));
  return told?.why_not ?? (told && 'cold' in told ? told.cold.peak_bytes : 'nothing');
};

test('an attribute of a fixed size stands in the expression as that size', (t) => {
  t.is(peakOf('5MiB', { n: 1 }), 10 * MIB + 101);
  t.is(peakOf(4096, { n: 1 }), 8192 + 101);
  t.is(sizesFor(readInterface(block(4096)), { n: 1 }).peak_bytes, 8293, 'and without an agent');
});

test('one that is bounded stands for the most that it may be', (t) => {
  t.is(peakOf({ max: 1000 }, { n: 1 }), 2101);
  t.is(worstOf(deployed({ max: 1000 })), 2110);
  t.is(worstCase(readInterface(block({ max: 1000 }))).peak_bytes, 2110);
});

test('one that the payload has is read from it, within its range', (t) => {
  const place = { pointer: '/object/bytes', max: 5000 };
  t.is(peakOf(place, { n: 1, object: { bytes: 1000 } }), 2101);
  t.regex(String(peakOf(place, { n: 1, object: { bytes: 6000 } })), /it is 6000, and declared/);
  t.regex(String(peakOf(place, { n: 1 })), /\/object\/bytes of the payload is no finite number/);
  t.is(worstOf(deployed(place)), 10_110);
  t.is(peakOf('/object/bytes', { n: 1, object: { bytes: 1000 } }), 2101, 'the short form');
});

test('one of which nothing is said is refused by its name', (t) => {
  const error = t.throws(() => deployed({}), { code: 'HP_MUX_INTERFACE' });
  t.regex(error.message, /Nothing is said of the attribute size\(object.key\)/);
});

test('a bound is no worst case where an expression falls with it, and that is refused', (t) => {
  const error = t.throws(() => deployed({ max: 10 }, `1000 - ${SIZE}`), {
    code: 'HP_MUX_INTERFACE',
  });
  t.regex(error.message, /falls with size\(object.key\)/);
});

for (const [what, given] of [
  ['no size', '5 apples'],
  ['no whole number', 1.5],
  ['no pointer', '/a~2'],
] as const) {
  test(`an attribute that is ${what} is refused: ${given}`, (t) => {
    t.throws(() => attributeOf(SIZE, given), { code: 'HP_MUX_INTERFACE' });
  });
}

test('sizes are bytes, and numbers of things are not', (t) => {
  t.is(attributeUnit('size(key)'), 'bytes');
  t.is(attributeUnit('itemsize(key)'), 'bytes');
  t.is(attributeUnit('pixels(key)'), 'count');
  t.throws(
    () => readInterface({ attributes: { 'size(a)': 1, 'size(b)': 1 }, peak: 'size(a) * size(b)' }),
    {
      code: 'HP_MUX_UNIT',
    },
  );
});

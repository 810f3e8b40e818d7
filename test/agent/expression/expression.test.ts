/** The language of memory expressions, its one printed form, and its bounds. */
import test from 'ava';
import fc from 'fast-check';
import { intervalOf, evaluate, type Interval } from '../../../agent/expression/bounds.ts';
import { parseExpression } from '../../../agent/expression/expression.ts';
import { largest } from '../../../agent/expression/polynomial.ts';
import { compareOf, parseRational, rational } from '../../../agent/expression/rational.ts';
import { holds } from '../../seed.ts';

const whole = (value: number) => rational(BigInt(value));
const NAMES = ['n', 'm', 'size(object.key)'];

/** Random expressions as a person would write them. */
const expressions = fc.letrec<{ expression: string }>((tie) => ({
  expression: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.nat(1000).map(String),
    fc.constantFrom(...NAMES, '3MiB', '0.25', '1/3'),
    fc
      .tuple(tie('expression'), fc.constantFrom('+', '-'), tie('expression'))
      .map(([a, sign, b]) => `(${a} ${sign} ${b})`),
    fc.tuple(fc.constantFrom(...NAMES), tie('expression')).map(([a, b]) => `${a} * (${b}) / 7`),
    fc
      .tuple(fc.constantFrom('max', 'min'), tie('expression'), tie('expression'))
      .map(([name, a, b]) => `${name}(${a}, ${b})`),
    fc
      .tuple(fc.constantFrom('ceil', 'floor'), tie('expression'))
      .map(([name, a]) => `${name}(${a})`),
  ),
})).expression;

const values = fc.record({ n: fc.integer({ min: -50, max: 50 }), m: fc.nat(9), size: fc.nat(500) });

/** What the text is worth, worked out by JavaScript itself on the same text. */
function judged(text: string, { n, m, size }: { n: number; m: number; size: number }): number {
  const javascript = text
    .replaceAll('size(object.key)', '(size)')
    .replaceAll('3MiB', '3145728')
    .replaceAll(/\b(max|min|ceil|floor)\(/g, 'Math.$1(');
  // oxlint-disable-next-line no-new-func, no-implied-eval -- a judge that is not ours
  return Number(new Function('n', 'm', 'size', `return ${javascript}`)(n, m, size));
}

test('what is printed means the same, and is printed the same again', async (t) => {
  await holds(
    t,
    fc.property(expressions, values, (text, { n, m, size }) => {
      const parsed = parseExpression(text);
      const again = parseExpression(parsed.text);
      const at = new Map([
        ['n', whole(n)],
        ['m', whole(m)],
        ['size(object.key)', whole(size)],
      ]);
      const a = evaluate(parsed, at);
      return again.text === parsed.text && compareOf(a, evaluate(again, at)) === 0;
    }),
    { runs: 300 },
  );
});

test('a polynomial is worth what its text is, by another judge', async (t) => {
  // Without ceil and floor, where the judge's rounding decides.
  const smooth = expressions.filter((text) => !/ceil|floor/.test(text));
  await holds(
    t,
    fc.property(smooth, values, (text, given) => {
      const at = new Map([
        ['n', whole(given.n)],
        ['m', whole(given.m)],
        ['size(object.key)', whole(given.size)],
      ]);
      const ours = evaluate(parseExpression(text), at);
      const theirs = judged(text, given);
      const difference = Number(ours.over) / Number(ours.under) - theirs;
      return Math.abs(difference) <= 1e-9 * Math.max(1, Math.abs(theirs));
    }),
    { runs: 300 },
  );
});

test('bounds hold every value within the ranges', async (t) => {
  const range = fc.tuple(fc.integer({ min: -40, max: 40 }), fc.nat(60));
  const share = fc.nat(4);
  await holds(
    t,
    fc.property(
      expressions,
      fc.tuple(range, range, range),
      fc.tuple(share, share, share),
      (text, ranges, shares) => {
        const parsed = parseExpression(text);
        const at = new Map<string, Interval>();
        const sample = new Map<string, ReturnType<typeof whole>>();
        for (const [index, name] of NAMES.entries()) {
          const [from = 0, length = 0] = ranges[index] ?? [];
          at.set(name, { low: whole(from), high: whole(from + length) });
          sample.set(name, rational(BigInt(from * 4 + length * (shares[index] ?? 0)), 4n));
        }
        const { low, high } = intervalOf(parsed, at);
        const value = evaluate(parsed, sample);
        return compareOf(low, value) <= 0 && compareOf(value, high) <= 0;
      },
    ),
    { runs: 400 },
  );
});

test('bounds are exact where an expression only rises or falls', (t) => {
  const at = new Map([['n', { low: whole(2), high: whole(10) }]]);
  // n*n - n rises from 2 on; taken term by term its bounds would be -6 and 98.
  const { low, high } = intervalOf(parseExpression('n*n - n'), at);
  t.deepEqual([low, high], [whole(2), whole(90)]);
});

const CANONICAL: readonly (readonly [given: string, printed: string])[] = [
  ['56 + sizeof(float)*n*n + n*2*sizeof(float)*n', '3 * n*n*sizeof(float) + 56'],
  ['n ^ 2 * (n + 1)^2', 'n^4 + 2 * n*n*n + n*n'],
  ['max(n, 3, max(n, 7), 2)', 'max(7, n)'],
  ['min(4, ceil(7/2), 9)', '4'],
  ['ceil(n / 4096) * 4KiB', '4096 * ceil(1/4096 * n)'],
  ['2 * (n - n)', '0'],
  ['-n + 1', '-n + 1'],
  ['1.5MiB', '1572864'],
];
for (const [given, printed] of CANONICAL) {
  test(`${given} is printed as ${printed}`, (t) => {
    t.is(parseExpression(given).text, printed);
  });
}

const REFUSED: readonly (readonly [text: string, code: string, character: number])[] = [
  ['', 'HP_MUX_SYNTAX', 1],
  ['n +', 'HP_MUX_SYNTAX', 4],
  ['n ? 1', 'HP_MUX_SYNTAX', 3],
  ['(n', 'HP_MUX_SYNTAX', 3],
  ['n m', 'HP_MUX_SYNTAX', 3],
  ['1 / n', 'HP_MUX_SYNTAX', 4],
  ['1 / 0', 'HP_MUX_SYNTAX', 4],
  ['2 ^ n', 'HP_MUX_SYNTAX', 5],
  ['n ^ 17', 'HP_MUX_SYNTAX', 5],
  ['other + 1', 'HP_MUX_SYNTAX', 1],
  ['ceil(n, 2)', 'HP_MUX_SYNTAX', 1],
  ['constructor.constructor("return 1")', 'HP_MUX_SYNTAX', 25],
  ['__proto__ * 2', 'HP_MUX_SYNTAX', 1],
  ['size(k) * size(k)', 'HP_MUX_UNIT', 1],
  ['n + size(k) * size(k)', 'HP_MUX_UNIT', 3],
  [`${'('.repeat(40)}n`, 'HP_MUX_SYNTAX', 34],
];
const declared = (name: string) => (name === 'n' ? 'count' : name === 'size(k)' ? 'bytes' : null);

for (const [text, code, character] of REFUSED) {
  test(`'${text.slice(0, 40)}' is refused at character ${character}`, (t) => {
    const error = t.throws(() => parseExpression(text, declared));
    t.like(error, { code, details: { character, expression: text } });
  });
}

test('numbers and forms beyond all measure are refused, quickly', (t) => {
  for (const text of [
    `1${'0'.repeat(200)}`,
    '1e999',
    '(a+b+c+d+e+f+g+h)^16',
    'n^16 * n^16',
    `${'n*'.repeat(3000)}n`,
  ]) {
    const error = t.throws(() => parseExpression(text), undefined, text);
    t.regex(String(Reflect.get(error, 'code')), /^HP_MUX_(OVERFLOW|SYNTAX)$/, text);
  }
});

test('no text makes the reader fail in another way', async (t) => {
  const signs = fc.constantFrom(...'n1 .+-*/^(),maxceil'.split(''), 'max(', 'ceil(', '9MiB');
  const texts = fc.oneof(
    fc.string(),
    fc.array(signs, { maxLength: 40 }).map((all) => all.join('')),
  );
  await holds(
    t,
    fc.property(texts, (text) => {
      try {
        return typeof parseExpression(text).text === 'string';
      } catch (error) {
        return (
          error instanceof Error && 'code' in error && String(error.code).startsWith('HP_MUX_')
        );
      }
    }),
    { runs: 1000 },
  );
});

const largestOf = (...texts: string[]) => largest(texts.map((text) => parseExpression(text))).text;

test('the larger of two sizes is told where one is so everywhere, else by max', (t) => {
  t.is(largestOf('n*n + 3', '2 * n*n + 3'), '2 * n*n + 3');
  t.is(largestOf('n', 'm'), 'max(m, n)');
  t.is(largestOf('n', 'm', 'n + m'), 'm + n');
  t.is(largestOf(), '0');
});

test('decimals are exact', (t) => {
  t.deepEqual(parseRational('0.1'), rational(1n, 10n));
  t.deepEqual(parseRational('-2.50e-1'), rational(-1n, 4n));
  t.is(parseRational('0x10'), null);
});

/** Coefficients from measured calls: found where the points tell them, else refused. */
import test from 'ava';
import fc from 'fast-check';
import { parse } from 'yaml';
import { readInterface, sizesFor, worstCase } from '../../../agent/expression/interface.ts';
import { fitShape, type MeasuredCall } from '../../../autoscaler/mux/fit.ts';
import { fitBlock, renderFit, residualsOf } from '../../../autoscaler/mux/fit-report.ts';
import {
  runFitCommand,
  shapeAsWritten,
  shapeOfSource,
} from '../../../autoscaler/mux/fit-command.ts';
import { readPoints } from '../../../autoscaler/mux/points.ts';
import { isObject } from '../../../base/json.ts';
import { MIB } from '../../../base/units.ts';
import { holds } from '../../seed.ts';

const pointsOf = (ns: readonly number[], peakOf: (n: number) => number): MeasuredCall[] =>
  ns.map((n) => ({ inputs: { n }, peak_bytes: Math.round(peakOf(n)) }));

test('what the points were made of is found again', async (t) => {
  const some = fc.integer({ min: 1, max: 1000 });
  await holds(
    t,
    fc.property(some, some, fc.integer({ min: 1, max: 200 }), (square, linear, base) => {
      const peakOf = (n: number): number => square * n * n + 1000 * linear * n + base * MIB;
      const ns = [0, 10, 100, 300, 500, 1000, 2000];
      const fit = fitShape(['n', 'n*n'], pointsOf(ns, peakOf));
      return fit.terms.length === 2 && fit.residuals.every((one) => Math.abs(one) < 1e-3);
    }),
    { runs: 50 },
  );
});

test('noise is in the residuals, and they are small where it is', (t) => {
  const ns = Array.from({ length: 40 }, (_, at) => 50 * (at + 1));
  const noisy = pointsOf(ns, (n) => (24 * n * n + 34 * MIB) * (n % 100 === 0 ? 1.02 : 0.98));
  const fit = fitShape(['n*n'], noisy);
  const { median, worst_below, worst_above } = residualsOf(fit);
  t.true(median < 0.03 && median > 0.01, `${median}`);
  t.true(Math.max(worst_below, worst_above) < 0.05);
});

test('no coefficient is below 0: a term that would be is left out, and told', (t) => {
  const points = pointsOf([100, 200, 400, 800, 1600], (n) => 100 * MIB - 10 * n);
  const fit = fitShape(['n', 'n*n'], points);
  t.true(fit.terms.every(({ bytes }) => bytes > 0) && fit.base_bytes > 0);
  const pointers = new Map([['n', '/n']]);
  const text = renderFit({ of: 'f', shape: ['n', 'n*n'], pointers, points, fit });
  t.regex(text, /left out {3}n.*: nothing is taken for it/);
});

test('too few points, and such as tell nothing, are refused', (t) => {
  const few = pointsOf([1, 2, 3], (n) => n * MIB);
  t.throws(() => fitShape(['n'], few), { code: 'HP_MUX_POINTS', message: /3 points are too few/ });
  const same = pointsOf([5, 5, 5, 5, 5], () => MIB);
  t.throws(() => fitShape(['n'], same), { code: 'HP_MUX_POINTS', message: /do not tell 'n'/ });
  const two = [1, 2, 3, 4, 5, 6].map((n) => ({ inputs: { n, m: 2 * n }, peak_bytes: n * MIB }));
  t.throws(() => fitShape(['m', 'n'], two), { code: 'HP_MUX_POINTS', message: /do not tell 'n'/ });
  const without = few.map(({ peak_bytes }) => ({ inputs: {}, peak_bytes }));
  t.throws(() => fitShape(['n'], [...without, ...without]), { code: 'HP_MUX_PARAMETER' });
});

test('the block is one that can be deployed, within what was measured', (t) => {
  const points = pointsOf([100, 500, 900, 1300, 1700], (n) => 24 * n * n + 34 * MIB);
  const fit = fitShape(['n*n'], points);
  const pointers = new Map([['n', '/n']]);
  const block = fitBlock({ of: 'f', shape: ['n*n'], pointers, points, fit });
  t.regex(block, /^# fitted: 5 points, median residual 0\.0 %/);
  const read: unknown = parse(block);
  const memory = isObject(read) ? read['memory'] : null;
  const of = readInterface(isObject(memory) ? memory['expression'] : null);
  const said = sizesFor(of, { n: 1000 }).peak_bytes;
  t.true(Math.abs(said / (24e6 + 34 * MIB) - 1) < 1e-3, `${said}`);
  t.true(worstCase(of).peak_bytes < 24 * 1701 ** 2 + 35 * MIB);
  t.throws(() => sizesFor(of, { n: 1701 }), { code: 'HP_MUX_PARAMETER' });
});

test('a shape that extract found and could not solve is fitted from a table', (t) => {
  const source = `import json
def handler(event):
  n = event["n"]
  rows = []
  for i in range(n):
    rows.append(json.loads(event["text"]))
  return len(rows)
`;
  const { products, pointers } = shapeOfSource('f.py', source, { model: null, entry: null });
  t.true(products.includes('n'), products.join(' '));
  t.is(pointers.get('n'), '/n');
  let told = '';
  const points = readPoints(
    [
      'n,text,peak_bytes',
      ...[1, 2, 3, 5, 8, 13, 21].map((n) => `${n},${n % 4},${n * MIB + 9 * MIB}`),
    ].join('\n'),
  );
  const shape = { products: ['n'], pointers: new Map([['n', '/n']]) };
  runFitCommand({
    of: 'f.py',
    shape,
    points,
    json: true,
    stdout: { write: (text) => (told = text) },
  });
  const read: unknown = JSON.parse(told);
  t.like(read, { class: 'fitted', points: 7, parameters: { n: '/n' } });
  t.regex(told, /"base_bytes": 94371\d\d,/);
});

const BAD_TABLES: readonly (readonly [what: string, text: string, line: number])[] = [
  ['nothing', '', 1],
  ['no peaks', 'n,m\n1,2', 1],
  ['no parameter', 'peak_bytes\n1', 1],
  ['a missing value', 'n,peak_bytes\n1', 2],
  ['an empty value', 'n,peak_bytes\n1,2\n,4', 3],
  ['words', 'n,peak_bytes\nmany,2', 2],
  ['a peak of nothing', 'n,peak_bytes\n1,0', 2],
  ['a peak below 0', 'n,peak_bytes\n1,-5', 2],
];
for (const [what, text, line] of BAD_TABLES) {
  test(`a table is refused, with its line: ${what}`, (t) => {
    t.throws(() => readPoints(text), {
      code: 'HP_MUX_POINTS',
      message: new RegExp(`^Line ${line} `),
    });
  });
}

test('a shape may be written, and is refused where nothing is in it', (t) => {
  const points = pointsOf([1, 2], (n) => n * MIB);
  t.deepEqual(shapeAsWritten('3*n*n + n + 7', points).products, ['n', 'n*n']);
  t.throws(() => shapeAsWritten('7', points), { code: 'HP_MUX_SHAPE' });
  t.throws(() => shapeAsWritten('m', points), { code: 'HP_MUX_SYNTAX' });
});

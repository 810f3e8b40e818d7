/** Whatever a file holds, reading it ends within a bound, with an answer or a coded error. */
import test from 'ava';
import fc from 'fast-check';
import { isHotplaneError } from '../../../base/errors.ts';
import { extractSource } from '../../../autoscaler/mux/source.ts';
import { holds } from '../../seed.ts';

/** CPU time of one file: a bound with much room, so that a busy machine does not fail it. */
const BOUND_CPU_MS = 20_000;

function isAnswered(file: string, source: string): boolean {
  const before = process.cpuUsage();
  try {
    const { certainty, cold } = extractSource(file, source, { model: null, entry: null });
    if (certainty !== 'refused' && cold.peak.text === '') return false;
  } catch (error) {
    if (!isHotplaneError(error) || !error.code.startsWith('HP_MUX_')) throw error;
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000 < BOUND_CPU_MS;
}

const names = fc.constantFrom('a', 'b', 'n', 'event', 'f');
const programs = fc.letrec<{ value: string; block: string[] }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    names,
    fc.nat(9).map(String),
    fc.constantFrom('event["n"]', '[]', '{}', '"text"', 'b"x"', 'None', 'np.zeros(n)', 'f(a)'),
    fc
      .tuple(
        tie('value'),
        fc.constantFrom('+', '-', '*', '/', '//', '%', '**', '==', 'or'),
        tie('value'),
      )
      .map(([a, sign, b]) => `(${a} ${sign} ${b})`),
    fc.tuple(names, tie('value')).map(([name, value]) => `${name}.append(${value})`),
    fc.tuple(tie('value'), tie('value')).map(([a, b]) => `[${a} for b in ${b}]`),
    fc.tuple(tie('value'), tie('value')).map(([a, b]) => `(${a})[${b}]`),
    fc.tuple(names, tie('value')).map(([name, value]) => `${name}(${value}, x=${value})`),
    tie('value').map((value) => `(lambda a: ${value})`),
  ),
  block: fc
    .array(
      fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        fc.tuple(names, tie('value')).map(([name, value]) => [`${name} = ${value}`]),
        fc.tuple(names, tie('value')).map(([name, value]) => [`${name} += ${value}`]),
        fc.tuple(names, tie('value')).map(([name, value]) => [`${name}[0] = ${value}`]),
        tie('value').map((value) => [`return ${value}`]),
        fc
          .tuple(fc.constantFrom('for a in', 'while', 'if', 'with'), tie('value'), tie('block'))
          .map(([word, value, block]) => [`${word} ${value}:`, ...indented(block)]),
        fc
          .tuple(tie('block'), tie('block'))
          .map(([a, b]) => ['try:', ...indented(a), 'except E as b:', ...indented(b)]),
        tie('block').map((block) => ['def f(n):', ...indented(block)]),
        fc.constant(['global a']),
      ),
      { minLength: 1, maxLength: 4 },
    )
    .map((all) => all.flat()),
}));

function indented(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`);
}

test('random programs of Python are answered', async (t) => {
  const files = programs.block.map((block) =>
    ['import numpy as np', 'def handler(event, n):', ...indented(block)].join('\n'),
  );
  await holds(
    t,
    fc.property(files, (source) => isAnswered('f.py', source)),
    { runs: 300 },
  );
});

test('garbage is answered, in every language', async (t) => {
  const words = fc.constantFrom(
    ...'def handler(event): function ( ) { } [ ] => for in of while if else return ; \n = + * . , : " \''.split(
      ' ',
    ),
    '`${',
    'async ',
    'class A',
    'lambda a: ',
    '  ',
    '\n  ',
  );
  const texts = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(words, { maxLength: 60 }).map((all) => all.join(' ')),
  );
  await holds(t, fc.property(fc.constantFrom('f.py', 'f.js', 'f.ts'), texts, isAnswered), {
    runs: 600,
  });
});

const DEEP: readonly (readonly [what: string, file: string, source: string])[] = [
  ['parentheses', 'f.py', `def handler(e):\n  return ${'('.repeat(20_000)}1${')'.repeat(20_000)}`],
  ['parentheses', 'f.js', `exports.handler = () => ${'('.repeat(20_000)}1${')'.repeat(20_000)}`],
  ['lists', 'f.py', `def handler(e):\n  return ${'['.repeat(3_000)}${']'.repeat(3_000)}`],
  ['blocks', 'f.js', `function handler() { ${'{'.repeat(5_000)}${'}'.repeat(5_000)} }`],
  ['sums', 'f.py', `def handler(e):\n  return ${'1 + '.repeat(20_000)}1`],
  ['statements', 'f.py', `def handler(e):\n${'  a = [e["n"]]\n'.repeat(20_000)}`],
  [
    'names',
    'f.py',
    `def handler(e):\n${Array.from({ length: 3_000 }, (_, at) => `  a${at} = bytes(e["n${at}"])\n`).join('')}`,
  ],
  [
    'loops in loops',
    'f.py',
    `def handler(e):\n${Array.from({ length: 40 }, (_, at) => `${' '.repeat(at + 2)}for i${at} in range(e["n"]):\n`).join('')}${' '.repeat(50)}a = bytes(1)\n`,
  ],
  [
    'helpers that call two each',
    'f.py',
    `${Array.from({ length: 30 }, (_, at) => `def f${at}(n):\n  f${at + 1}(n)\n  return f${at + 1}(n)\n`).join('')}def f30(n):\n  return n\ndef handler(e):\n  return f0(e["n"])\n`,
  ],
  [
    'powers',
    'f.py',
    `def handler(e):\n  n = e["n"]\n${'  n = n * n * n\n'.repeat(200)}  return bytes(n)\n`,
  ],
  ['a long text', 'f.py', `def handler(e):\n  return "${'x'.repeat(900_000)}"`],
  ['too much', 'f.py', '#'.repeat(2_000_000)],
];
for (const [what, file, source] of DEEP) {
  test(`${what} without end in ${file} are answered`, (t) => {
    t.true(isAnswered(file, source));
  });
}

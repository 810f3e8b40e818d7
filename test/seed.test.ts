/** Random tests can be played again: the seed is told, taken from outside, and kept. */
import test from 'ava';
import fc from 'fast-check';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { PROJECT_ROOT } from '../base/paths.ts';
import { PAST_FAILURES } from './past-failures.ts';
import { holds, numberOf, repeatCommand, SEED } from './seed.ts';

const FILES = globSync('test/**/*.ts', { cwd: PROJECT_ROOT }).map((path) => ({
  path,
  text: readFileSync(join(PROJECT_ROOT, path), 'utf8'),
}));

test('a seed of the environment is taken; what is no seed is refused with its name', (t) => {
  t.is(numberOf('S', 7, {}), 7);
  t.is(numberOf('S', 7, { S: '' }), 7);
  t.is(numberOf('S', 7, { S: '42' }), 42);
  for (const text of ['x', '-1', '1e3', '4294967296', ' 1']) {
    t.throws(() => numberOf('S', 7, { S: text }), { message: /^S=.*give a whole number/ });
  }
});

test.serial('the seed of this process is that of the environment', async (t) => {
  const before = process.env['HOTPLANE_SEED'];
  process.env['HOTPLANE_SEED'] = '4711';
  const again: string = './seed.ts?again';
  const fresh = z.object({ SEED: z.number() }).parse(await import(again));
  if (before === undefined) delete process.env['HOTPLANE_SEED'];
  else process.env['HOTPLANE_SEED'] = before;
  t.is(fresh.SEED, 4711);
});

test('a property that fails tells its seed, the smallest case and the command', async (t) => {
  const small = fc.property(fc.nat(), (value) => value < 1000);
  const attempt = await t.try('never', async (tt) => await holds(tt, small));
  attempt.discard();
  t.false(attempt.passed);
  const told = [...attempt.logs, ...attempt.errors.map(({ message }) => message)].join('\n');
  t.regex(told, new RegExp(`HOTPLANE_SEED=${SEED} npx ava test/seed.test.ts --match='.*never'`));
  t.regex(told, new RegExp(`seed: ${SEED}`));
  t.regex(told, /Counterexample: \[1000\]/);
});

test('the same seed plays the same values', async (t) => {
  const drawn: number[][] = [[], []];
  for (const list of drawn) {
    await holds(
      t,
      fc.property(fc.nat(), (value) => void list.push(value)),
      { runs: 50 },
    );
  }
  t.deepEqual(drawn[0], drawn[1]);
});

test('what failed once is played first, as far as it failed', async (t) => {
  const drawn: number[] = [];
  const entry = { test: t.title, seed: 5, runs: 3, found: 'nothing' };
  const property = fc.property(fc.nat(), (value) => void drawn.push(value));
  await holds(t, property, { runs: 1, past: [entry, { ...entry, test: 'another' }] });
  t.deepEqual(
    drawn.slice(0, 3),
    fc.sample(fc.nat(), { seed: 5, numRuns: 3 }),
    'the runs of the past seed',
  );
  t.is(drawn.length, 4);
});

test('a title with quotes and stars is one argument of the shell, and a pattern of ava', (t) => {
  const command = repeatCommand(join(PROJECT_ROOT, 'test/x.test.ts'), "what's * and !", 1);
  t.is(command, "HOTPLANE_SEED=1 npx ava test/x.test.ts --match='what*s * and *'");
});

test('every past failure names a test that is there', (t) => {
  const gone = PAST_FAILURES.filter(
    ({ test: title }) => !FILES.some(({ text }) => text.includes(`test('${title}'`)),
  );
  t.deepEqual(gone, []);
});

test('no test draws but from the seed', (t) => {
  const own = FILES.filter(({ path }) => !/^test\/seed(\.test)?\.ts$/.test(path));
  const drawing = own.filter(({ text }) => /\bfc\.(assert|check)\(|\bMath\.random\(/.test(text));
  t.deepEqual(
    drawing.map(({ path }) => path),
    [],
  );
});

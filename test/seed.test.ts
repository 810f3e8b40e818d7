/** Random tests can be played again: the seed is told, taken from outside, and kept. */
import test from 'ava';
import { execa } from 'execa';
import fc from 'fast-check';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
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

test('a run that never ends has told its seed', async (t) => {
  const again = execa('ava', ['--tap', '--match=the same seed*', 'test/seed.test.ts'], {
    cwd: PROJECT_ROOT,
    env: { HOTPLANE_SEED: '4713', HOTPLANE_RUNS: `${2 ** 31 - 1}` },
    preferLocal: true,
    localDir: PROJECT_ROOT,
    all: true,
    reject: false,
    buffer: false,
    detached: true,
    timeout: 120_000,
  });
  let told = 0;
  for await (const line of createInterface({ input: again.all })) {
    if (!line.includes('HOTPLANE_SEED=4713 npx ava test/seed.test.ts')) continue;
    told += 1;
    // With the process that plays.
    if (again.pid !== undefined) process.kill(-again.pid, 'SIGKILL');
  }
  await again;
  t.is(told, 1);
});

test('a property that fails tells its seed, the smallest case and the command', async (t) => {
  const small = fc.property(fc.nat(), (value) => {
    if (value >= 1000) throw new Error('too large for it');
  });
  const attempt = await t.try('never', async (tt) => await holds(tt, small));
  attempt.discard();
  t.false(attempt.passed);
  const told = [...attempt.logs, ...attempt.errors.map(({ message }) => message)].join('\n');
  t.regex(told, new RegExp(`HOTPLANE_SEED=${SEED} npx ava test/seed.test.ts --match='.*never'`));
  t.regex(told, new RegExp(`seed: ${SEED}`));
  t.regex(told, /Counterexample: \[1000\]/);
  t.regex(told, /what failed: too large for it/);
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

/** Fixed parts of the titles that a table fills in; of a title with nothing fixed none. */
const TITLE_TEMPLATES = FILES.flatMap(({ text }) =>
  [...text.matchAll(/\btest\(`([^`]+)`/g)].map(([, title = '']) => title.split(/\$\{[^}]*\}/)),
).filter((parts) => parts.join('').length > 10);

/** Whether the parts stand in the title in their order, from its start to its end. */
function isFilledIn(parts: readonly string[], title: string): boolean {
  let from = 0;
  for (const part of parts) {
    const at = title.indexOf(part, from);
    if (at === -1) return false;
    from = at + part.length;
  }
  return title.startsWith(parts[0] ?? '') && title.endsWith(parts.at(-1) ?? '');
}

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
  ).filter(({ test: title }) => !TITLE_TEMPLATES.some((parts) => isFilledIn(parts, title)));
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

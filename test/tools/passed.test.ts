/** A stage is left out only where all that it depends on is as it was when it passed. */
import test, { type ExecutionContext } from 'ava';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { contentKey, type DependsOn, passedAt, remember, sourcesOf } from '../../tools/passed.ts';
import { ARM64_TESTS, DEBUG_TESTS } from '../../tools/stages.ts';

const FILES = {
  'a.test.ts': "import { b } from './lib/b.ts';\nimport test from 'ava';\nb();",
  'lib/b.ts': "export const b = () => import('../c.ts');",
  'c.ts': "export type { A } from './a.test.ts';\nexport const c = 1;",
  'guest/x.c': 'int main(void) { return 0; }',
  'other.ts': 'export const other = 1;',
  'package-lock.json': '{}',
} as const;
const ON: DependsOn = {
  guests: [],
  files: ['*.test.ts', 'guest/*'],
  programs: ['sh'],
  variables: ['HOTPLANE_STRESS_CYCLES'],
};
const VERSION = { ...ON, programs: ['node'] };

function project(t: ExecutionContext): string {
  const root = mkdtempSync(join(tmpdir(), 'hotplane-passed-'));
  t.teardown(() => rmSync(root, { recursive: true }));
  for (const folder of ['lib', 'guest']) mkdirSync(join(root, folder));
  for (const [path, text] of Object.entries(FILES)) writeFileSync(join(root, path), text);
  return root;
}

test('what a test file depends on is all that it imports, at any distance', (t) => {
  const root = project(t);
  t.deepEqual(sourcesOf(ON.files, root), ['a.test.ts', 'c.ts', 'guest/x.c', 'lib/b.ts']);
});

for (const path of ['a.test.ts', 'lib/b.ts', 'c.ts', 'guest/x.c', 'package-lock.json'] as const) {
  test(`a change of ${path} makes a stage run again`, async (t) => {
    const root = project(t);
    const before = await contentKey(VERSION, root);
    writeFileSync(join(root, path), `${FILES[path]} `);
    const after = await contentKey(VERSION, root);
    t.truthy(before);
    t.not(after, before);
    writeFileSync(join(root, path), FILES[path]);
    t.is(await contentKey(VERSION, root), before, 'the same content has the same key');
  });
}

test('a change of what is not imported makes no stage run again', async (t) => {
  const root = project(t);
  const before = await contentKey(VERSION, root);
  writeFileSync(join(root, 'other.ts'), '');
  t.is(await contentKey(VERSION, root), before);
});

test.serial('what the tests are told by the environment counts', async (t) => {
  const root = project(t);
  const before = await contentKey(VERSION, root);
  process.env['HOTPLANE_STRESS_CYCLES'] = '10000';
  t.teardown(() => delete process.env['HOTPLANE_STRESS_CYCLES']);
  t.not(await contentKey(VERSION, root), before);
});

test('a stage whose program is not there has no key, and so runs', async (t) => {
  t.is(await contentKey({ ...ON, programs: ['hotplane-no-such-program'] }, project(t)), null);
});

test('a pass is remembered by its key, and nonsense is none', async (t) => {
  const cache = project(t);
  const at = '2026-11-27T01:00:00.000Z';
  t.is(passedAt('k', cache), null);
  await remember('k', { stage: 'one', at }, cache);
  t.is(passedAt('k', cache), at);
  t.is(passedAt('l', cache), null);
  writeFileSync(join(cache, 'passed', 'k.json'), '{"at": 3');
  t.is(passedAt('k', cache), null);
});

test('the tests on the debug kernel and on arm64 depend on the files that they run', (t) => {
  for (const stage of [...DEBUG_TESTS, ...ARM64_TESTS].filter(({ kind }) => kind === 'tap')) {
    const sources = sourcesOf(stage.depends_on?.files ?? []);
    const run = stage.command.filter((word) => word.endsWith('.test.ts'));
    t.true(run.length > 0);
    t.deepEqual(
      run.filter((file) => !sources.includes(file)),
      [],
    );
    for (const one of ['hypervisor-client/qemu/driver.ts', 'bench/kernel/selftest-run.ts'])
      t.true(sources.includes(one), one);
  }
});

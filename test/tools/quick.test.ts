/** What the quick tests leave out is there, and all of it runs elsewhere. */
import test from 'ava';
import { globSync } from 'node:fs';
import { PROJECT_ROOT } from '../../base/paths.ts';
import { NOT_QUICK, QUICK } from '../../tools/quick.ts';

const FILES = globSync('test/**/*.test.ts', { cwd: PROJECT_ROOT });

test('each file that is left out exists, needs no VM, and is named once', (t) => {
  t.deepEqual(
    NOT_QUICK.filter((path) => !FILES.includes(path) || path.endsWith('.vm.test.ts')),
    [],
  );
  t.is(new Set(NOT_QUICK).size, NOT_QUICK.length);
});

test('the patterns name every other file without a VM', (t) => {
  const [all, vms, ...left_out] = QUICK;
  t.is(all, 'test/**/*.test.ts');
  t.is(vms, '!test/**/*.vm.test.ts');
  t.deepEqual(
    left_out,
    NOT_QUICK.map((path) => `!${path}`),
  );
});

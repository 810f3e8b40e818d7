import test from 'ava';
import { parseKunit } from './kunit.ts';

const stamp = (line: string): string => `[    4.812345] ${line}\r`;

const log = (...lines: string[]): string =>
  [
    stamp('KTAP version 1'),
    stamp('1..2'),
    stamp('    KTAP version 1'),
    stamp('    # Subtest: other'),
    stamp('    1..1'),
    stamp('    ok 1 other_case'),
    stamp('ok 1 other'),
    stamp('    KTAP version 1'),
    stamp('    # Subtest: hotmem'),
    ...lines.map((line) => stamp(line)),
    'ok 1 memory # 12 ms',
  ].join('\n');

test('the cases of a suite are read with their outcome, and only they', (t) => {
  const text = log(
    '    1..3',
    '    ok 1 pool_order0',
    '        KTAP version 1',
    '        ok 1 a parameter',
    '    # pool_fresh: EXPECTATION FAILED at mm/hotmem/hotmem_kunit.c:41',
    '    not ok 2 pool_fresh',
    '    ok 3 part_states # SKIP no memory',
    '# hotmem: pass:1 fail:1 skip:1 total:3',
    'not ok 2 hotmem',
  );
  t.deepEqual(parseKunit(text, 'hotmem'), {
    planned: 3,
    cases: [
      { name: 'pool_order0', outcome: 'pass', detail: '' },
      { name: 'pool_fresh', outcome: 'fail', detail: '' },
      { name: 'part_states', outcome: 'skip', detail: 'SKIP no memory' },
    ],
    outcome: 'fail',
  });
});

test('a suite that passes says so', (t) => {
  const text = log('    1..1', '    ok 1 pool_order0', 'ok 2 hotmem');
  t.is(parseKunit(text, 'hotmem')?.outcome, 'pass');
});

test('a suite that did not end has no outcome', (t) => {
  const suite = parseKunit(log('    1..2', '    ok 1 pool_order0'), 'hotmem');
  t.like(suite, { planned: 2, outcome: null });
  t.is(suite?.cases.length, 1);
});

test('no suite, no result', (t) => {
  t.is(parseKunit('[    0.1] Linux version 6.12\n', 'hotmem'), null);
});

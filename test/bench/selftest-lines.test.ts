import test from 'ava';
import {
  parseCase,
  parseHostRequest,
  parseInjected,
  parseTotals,
  splats,
} from '../../bench/kernel/selftest-lines.ts';

test('a request of the program is found behind a kernel message', (t) => {
  t.deepEqual(parseHostRequest('[    3.1] hotmem: x# host: resize 0000:00:08.0 268435456\r'), {
    pci_address: '0000:00:08.0',
    bytes: 268435456,
  });
  t.is(parseHostRequest('# host is a word'), null);
});

test('results of cases are read with their outcome', (t) => {
  t.deepEqual(parseCase('ok 7 attach_in_use # 35 ms'), {
    name: 'attach_in_use',
    outcome: 'pass',
    detail: '35 ms',
  });
  t.like(parseCase('ok 42 memcg # SKIP no memory cgroup'), { outcome: 'skip' });
  t.like(parseCase('[   12.3] noise not ok 12 orphan # line 741'), { outcome: 'fail' });
  t.is(parseCase('# child: line 7'), null);
});

test('the totals end a run', (t) => {
  t.deepEqual(parseTotals('# Totals: pass:50 fail:1 xfail:0 xpass:0 skip:3 error:0'), {
    pass: 50,
    fail: 1,
    skip: 3,
  });
});

test('injected faults are counted as the program says', (t) => {
  const line = '# stress: 10 requests to the host and 74 allocations failed\r';
  t.deepEqual(parseInjected(line), { requests: 10, allocations: 74 });
  t.is(parseInjected('# stress: 500 of 2500'), null);
});

test('a splat of the kernel is seen, an ordinary line is not', (t) => {
  const log = '[1] BUG: KASAN: use-after-free\n[2] hotmem: partition full, killing x\n';
  t.deepEqual(splats(log), ['[1] BUG: KASAN: use-after-free']);
});

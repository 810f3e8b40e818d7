import test from 'ava';
import { ObedientHand } from '../../bench/kernel/selftest-run.ts';
import {
  parseCase,
  parseExpectation,
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

test('the name of a case is read without that of its fixture', (t) => {
  t.deepEqual(parseCase('ok 7 partition.attach_in_use\r'), {
    name: 'attach_in_use',
    outcome: 'pass',
    detail: '',
  });
  t.like(parseCase('ok 42 partition.memcg # SKIP no memory cgroup'), {
    name: 'memcg',
    outcome: 'skip',
  });
  t.like(parseCase('[   12.3] noise not ok 12 partition.orphan'), {
    name: 'orphan',
    outcome: 'fail',
  });
  t.is(parseCase('#            OK  partition.orphan'), null);
  t.is(parseCase('#  RUN           partition.orphan ...'), null);
});

test('what an assertion of the harness says is found behind a kernel message', (t) => {
  const said = 'cases/process.c:81:orphan:Expected 1 (1) == attr("users") (0)';
  t.is(parseExpectation(`[   12.3] noise# ${said}\r`), said);
  t.is(parseExpectation('# host: resize 0000:00:08.0 0'), null);
  t.is(parseExpectation('# orphan: Test terminated by assertion'), null);
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

test('a hand looks at the VM once, and carries sizes out in order', async (t) => {
  const sizes: (readonly [string, number])[] = [];
  let looks = 0;
  const region = { id: 'r0', device_id: 'r0', partition: 0, max_bytes: 8 };
  const figures = { requested_bytes: 0, plugged_bytes: 0, resident_bytes: 0 };
  const regions = [{ ...region, ...figures, pci_address: '0000:00:08.0' }];
  const hand = new ObedientHand({
    observe: () => {
      looks += 1;
      const seen = { state: 'running', devices: [], resident_bytes: 0, observed_at_ms: 0 } as const;
      return Promise.resolve({ ...seen, regions });
    },
    resizeRegion: (id, bytes) => {
      sizes.push([id, bytes]);
      return Promise.reject(new Error('no VM'));
    },
  });
  for (const bytes of [4, 8, 0]) await hand.resize({ pci_address: '0000:00:08.0', bytes });
  await hand.settle();
  t.deepEqual(
    sizes,
    [4, 8, 0].map((bytes) => ['r0', bytes]),
  );
  t.is(looks, 1);
  t.is(hand.trouble.length, 3, 'what the VM said of each is kept');
  await hand.resize({ pci_address: '0000:00:09.0', bytes: 4 });
  t.is(hand.trouble.at(-1), 'no device at 0000:00:09.0');
});

import test from 'ava';
import fc from 'fast-check';
import { parseFaults, parseRequests } from '../../bench/reclaim/measure/guest-work.ts';
import { hugeBytes } from '../../bench/reclaim/measure/host-pages.ts';
import { targetBytes } from '../../bench/reclaim/measure/block.ts';
import { cellLayoutOf } from '../../bench/reclaim/plan/layout.ts';
import { inside, shamWindows, touching } from '../../bench/reclaim/plan/windows.ts';
import { seededRandom } from '../../base/random.ts';
import { coreLists } from '../../bench/reclaim/measure/vcpu-place.ts';
import { GIB, MIB } from '../../base/units.ts';
import { cellOf } from './fixture.ts';
import { holds } from '../seed.ts';

const WINDOWS = [
  { from_ms: 10, to_ms: 20 },
  { from_ms: 30, to_ms: 40 },
];

test('a request is quiet when it lies wholly in a window, busy when a part of it does', (t) => {
  const table: readonly (readonly [number, number, boolean, boolean])[] = [
    [10, 10, true, true],
    [12, 3, true, true],
    [5, 6, false, true],
    [19, 5, false, true],
    [5, 30, false, true],
    [20, 5, false, false],
    [5, 5, false, false],
    [41, 1, false, false],
  ];
  for (const [start_ms, latency_ms, quiet, busy] of table) {
    const samples = [{ start_ms, latency_ms }];
    t.is(inside(samples, WINDOWS).length === 1, quiet, `${start_ms}+${latency_ms}`);
    t.is(touching(samples, WINDOWS).length === 1, busy, `${start_ms}+${latency_ms}`);
  }
});

test('what lies in a window touches it', async (t) => {
  const ms = fc.double({ min: 0, max: 100, noNaN: true });
  const sample = fc.record({
    start_ms: ms,
    latency_ms: fc.double({ min: 0.001, max: 50, noNaN: true }),
  });
  await holds(
    t,
    fc.property(fc.array(sample), (samples) => {
      return inside(samples, WINDOWS).length <= touching(samples, WINDOWS).length;
    }),
  );
});

test('sham windows are as long as unplugs, lie in quiet time, and do not overlap', async (t) => {
  const quiet = [
    { from_ms: 0, to_ms: 400 },
    { from_ms: 1000, to_ms: 1400 },
  ];
  const seeds = fc.integer({ min: 0, max: 0xffff_ffff });
  const lengths = fc.array(fc.double({ min: 0.1, max: 500, noNaN: true }), { maxLength: 5 });
  let most = 0;
  await holds(
    t,
    fc.property(seeds, lengths, (seed, lengths_ms) => {
      const windows = shamWindows(quiet, lengths_ms, 25, seededRandom(seed));
      most = Math.max(most, windows.length);
      let end_ms = 0;
      return windows.every(({ from_ms, to_ms }) => {
        const apart = from_ms >= end_ms;
        end_ms = to_ms;
        const whole = quiet.some((one) => from_ms >= one.from_ms && to_ms <= one.to_ms);
        const known = lengths_ms.some((length) => Math.abs(to_ms - from_ms - length) < 1e-6);
        return apart && whole && known;
      });
    }),
  );
  t.true(most > 0);
});

test('a virtual CPU gets the last core that is allowed, the rest of the host all others', (t) => {
  t.is(coreLists('0'), null);
  t.is(coreLists('5'), null);
  t.deepEqual(coreLists('0-1'), { own: '1', others: '0' });
  t.deepEqual(coreLists('2-3,6'), { own: '6', others: '2,3' });
  t.deepEqual(coreLists('0,4-6'), { own: '6', others: '0,4,5' });
});

test('samples of the guest are read from one string', (t) => {
  t.deepEqual(parseRequests('1000500:2250,1003000:1999'), [
    { start_ms: 1000.5, latency_ms: 2.25 },
    { start_ms: 1003, latency_ms: 1.999 },
  ]);
  t.deepEqual(parseRequests(''), []);
  t.deepEqual(parseFaults('100,0,250'), [100, 250]);
});

test('huge pages are summed over all mappings, of memory and of files', (t) => {
  const smaps = [
    '7f00-7f80 rw-p 00000000 00:00 0 ',
    'Rss:                4096 kB',
    'AnonHugePages:      2048 kB',
    'ShmemPmdMapped:        0 kB',
    '7f80-7f90 rw-s 00000000 00:01 7 /memfd:x (deleted)',
    'AnonHugePages:         0 kB',
    'ShmemPmdMapped:     4096 kB',
  ].join('\n');
  t.is(hugeBytes(smaps), 6 * MIB);
});

test('a region is made whole or empty, whatever was left of it', (t) => {
  const layout = cellLayoutOf(cellOf('hotmem'), 9 * GIB);
  t.is(targetBytes(layout, 0, true), 512 * MIB);
  t.is(targetBytes(layout, 130 * MIB, true), 512 * MIB);
  t.is(targetBytes(layout, 130 * MIB, false), 0);
});

test('a shared device grows and shrinks by one region', (t) => {
  const layout = cellLayoutOf(cellOf('virtio-mem-one-device'), 9 * GIB);
  t.is(targetBytes(layout, 0, true), 512 * MIB);
  t.is(targetBytes(layout, 512 * MIB, true), GIB);
  t.is(targetBytes(layout, 4 * GIB, true), 4 * GIB);
  t.is(targetBytes(layout, 4 * GIB, false), 3584 * MIB);
  t.is(targetBytes(layout, 3600 * MIB, false), 3584 * MIB);
  t.is(targetBytes(layout, 0, false), 0);
});

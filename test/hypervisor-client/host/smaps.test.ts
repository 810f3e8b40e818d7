import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import test from 'ava';
import { KIB } from '../../../base/units.ts';
import { hasCode } from '../../../hypervisor-client/errors.ts';
import {
  parseSmaps,
  readProcessResident,
  readResidency,
  residencyOf,
} from '../../../hypervisor-client/host/smaps.ts';

const ROUNDS = 20;

const entry = (start: string, end: string, rss_kib: number, name = '') =>
  `${start}-${end} rw-p 00000000 00:01 1051 ${name}
Size:                  8 kB
KernelPageSize:        4 kB
Rss:                ${rss_kib} kB
Pss:                   0 kB
THPeligible:           1
VmFlags: rd wr mr mw me ac sd hg
`;

const TEXT =
  entry('1000', '3000', 8) +
  entry('3000', '5000', 4, '/memfd:memory-backend-memfd (deleted)') +
  entry('5000', '6000', 0) +
  entry('7f6babe00000', '7f6bb3e00000', 1024, '[heap]');

test('mappings are read with their range, name and resident bytes', (t) => {
  const mappings = parseSmaps(TEXT);
  t.is(mappings.length, 4);
  t.deepEqual(mappings[1], {
    start: 0x3000,
    end: 0x5000,
    name: '/memfd:memory-backend-memfd (deleted)',
    resident_bytes: 4 * KIB,
  });
  t.is(mappings[3]?.end, 0x7f6bb3e00000);
});

test('pages of hugetlb are counted, which Rss leaves out', (t) => {
  for (const kind of ['Shared', 'Private']) {
    const line = `${kind}_Hugetlb:    4096 kB\n`;
    const text = entry('1000000', '1800000', 4).replace('VmFlags', `${line}VmFlags`);
    const [mapping] = parseSmaps(text);
    t.is(mapping?.resident_bytes, 4100 * KIB, kind);
  }
});

test('a range sums the mappings wholly inside it, in the order asked', (t) => {
  const ranges = [
    { start: 0x5000, end: 0x6000 },
    { start: 0x1000, end: 0x5000 },
    { start: 0x7f6babe00000, end: 0x7f6babe01000 },
  ];
  t.deepEqual(residencyOf(parseSmaps(TEXT), ranges), {
    resident_bytes: 1036 * KIB,
    ranges: [
      { resident_bytes: 0, covered_bytes: 0x1000 },
      { resident_bytes: 12 * KIB, covered_bytes: 0x4000 },
      { resident_bytes: 0, covered_bytes: 0 },
    ],
  });
});

test('text that is no smaps file has no mappings', (t) => {
  t.deepEqual(parseSmaps(''), []);
  t.deepEqual(parseSmaps('Rss: 4 kB\nnonsense\n: \n'), []);
});

test('a mapping of a living process is found, and a range that is none is an error', (t) => {
  t.true(readProcessResident(process.pid) > 1024 * KIB);
  const error = t.throws(() => readResidency(process.pid, [{ start: 0x1000, end: 0x2000 }]));
  t.true(hasCode(error, 'HP_VMM_BACKING'));
});

test('a process that is killed while it is read is told as gone', async (t) => {
  for (let round = 0; round < ROUNDS; round += 1) {
    const child = spawn(process.execPath, ['-e', 'console.log(); setInterval(() => {}, 1e6)']);
    t.teardown(() => child.kill('SIGKILL'));
    await once(child.stdout, 'data');
    const pid = child.pid ?? 0;
    const all = parseSmaps(readFileSync(`/proc/${pid}/smaps`, 'utf8'));
    // The kernel's own page at the end is of no smaps file that is read up to a mapping.
    const last = all.findLast(({ end }) => end < 2 ** 48) ?? all[0];
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    const until_gone = (): void => {
      for (;;) if (last) readResidency(pid, [{ start: last.start, end: last.end }]);
    };
    const error = t.throws(until_gone);
    t.true(hasCode(error, 'HP_VMM_GONE'), `round ${round}: ${error?.message}`);
    await ended;
  }
});

test('a process that is gone is told as that', (t) => {
  const pid = 2 ** 22 + 1;
  t.true(
    hasCode(
      t.throws(() => readProcessResident(pid)),
      'HP_VMM_GONE',
    ),
  );
  t.true(
    hasCode(
      t.throws(() => readResidency(pid, [{ start: 0, end: 1 }])),
      'HP_VMM_GONE',
    ),
  );
});

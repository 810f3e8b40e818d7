import test from 'ava';
import { emptyTally, tallyTapLine } from '../../tools/tap.ts';

const rows: readonly [string, { passed: number; failed: number }][] = [
  ['ok 1 - units › 2 GiB is 2147483648 bytes', { passed: 1, failed: 0 }],
  ['not ok 2 - plug › reaches its target', { passed: 0, failed: 1 }],
  ['ok 3 - real binary # SKIP CLOUD_HYPERVISOR is not set', { passed: 0, failed: 0 }],
  ['not ok 4 - later # TODO', { passed: 0, failed: 0 }],
  ['1..4', { passed: 0, failed: 0 }],
  ['    ok indented detail', { passed: 0, failed: 0 }],
  ['okay then', { passed: 0, failed: 0 }],
];

for (const [line, expected] of rows) {
  test(`a TAP line counts for what it says: ${line}`, (t) => {
    t.deepEqual(tallyTapLine(emptyTally(), line), expected);
  });
}

/** Two archives are compared from their files alone, and what else differs is told. */
import test from 'ava';
import { compareProfiles } from '../../../autoscaler/profile/profile-compare.ts';
import { renderProfileComparison } from '../../../autoscaler/profile/profile-compare-text.ts';
import { archiveOf } from './archives.ts';

const SHORT = Array.from({ length: 120 }, (_, index) => 10 + (index % 7));
const a = { folder: 'a', archive: archiveOf('one', SHORT) };

test('an archive is alike itself', (t) => {
  const { stages, differs } = compareProfiles(a, a, 1);
  t.deepEqual(differs, []);
  t.deepEqual(
    stages.map(({ part, cold }) => [part, cold]),
    [
      ['queue', false],
      ['first_touch', false],
      ['execute', false],
      ['whole', false],
    ],
  );
  for (const { p50, p95, p99 } of stages) {
    for (const one of [p50, p95, p99]) t.is(one?.verdict, 'not told apart');
  }
});

test('a stage that takes longer is told, and the others are not', (t) => {
  const longer = SHORT.map((value) => value + 5);
  const b = { folder: 'b', archive: archiveOf('one', longer, 'virtio-mem') };
  const comparison = compareProfiles(a, b, 1);
  const verdicts = comparison.stages.map(({ part, p50 }) => [
    part,
    p50?.verdict,
    p50?.difference_ms,
  ]);
  t.deepEqual(verdicts, [
    ['queue', 'not told apart', 0],
    ['first_touch', 'not told apart', 0],
    ['execute', 'longer', 5],
    ['whole', 'longer', 5],
  ]);
  t.true(comparison.differs.includes('mechanism of one: hotmem and virtio-mem'));
  t.deepEqual(compareProfiles(a, b, 1), comparison, 'the same files give the same figures');
  const text = renderProfileComparison(comparison);
  t.regex(text, /differs: mechanism of one: hotmem and virtio-mem/);
  t.regex(text, /execute +120 \/ 120 +p50 +13\.0 +18\.0 +\+5\.00 .*longer/);
  t.regex(text, /12 figures: 6 longer in b, 0 shorter, 6 not told apart from noise, 0 of too few/);
});

test('calls that were not done are in no figure', (t) => {
  const failed = a.archive.calls.map((call) => ({ ...call, outcome: 'failed' as const }));
  const b = { folder: 'b', archive: { ...a.archive, calls: failed } };
  t.throws(() => compareProfiles(a, b, 1), {
    code: 'HP_PROFILE_APART',
    message: /a and b have no/,
  });
});

test('an instance that one of both lacks is named', (t) => {
  const more = archiveOf('two', SHORT);
  const calls = [...a.archive.calls, ...more.calls];
  const b = { folder: 'b', archive: { ...a.archive, calls } };
  t.deepEqual(compareProfiles(a, b, 1).only_in_one, ['two warm: only in b']);
});

/** Two archives are compared from their files alone, and what else differs is told. */
import test from 'ava';
import type { ProfileArchive, ProfiledCall } from '../../../autoscaler/profile/archive.ts';
import { compareProfiles } from '../../../autoscaler/profile/profile-compare.ts';
import { renderProfileComparison } from '../../../autoscaler/profile/profile-compare-text.ts';
import { standInSpec } from '../../../autoscaler/profile/profile-plan.ts';
import { MIB } from '../../../base/units.ts';
import { FACTS } from '../replay-rig.ts';
import { callOf } from './calls.ts';

const OPTIONS = { mechanism: 'hotmem', concurrency: 8, keep_alive_ms: 1_000 } as const;

/** `executes_ms`: of each warm call of `instance`. */
function archiveOf(
  instance: string,
  executes_ms: readonly number[],
  mechanism: 'hotmem' | 'virtio-mem' = 'hotmem',
): ProfileArchive {
  const spec = { ...standInSpec('f', 64 * MIB, OPTIONS), name: 'f', mechanism };
  const calls = executes_ms.map((execute_ms, index): ProfiledCall => {
    const at_ms = index * 100;
    return callOf({
      invocation_id: `p${index}`,
      instance,
      instance_id: `i${index}`,
      received_at_ms: at_ms,
      assigned_at_ms: at_ms + 1,
      first_byte_at_ms: at_ms + 3,
      finished_at_ms: at_ms + 3 + execute_ms,
    });
  });
  return {
    manifest: {
      schema_version: 1,
      kind: 'profile',
      status: 'complete',
      ...FACTS,
      command: [...FACTS.command],
      workload: { path: 'w', sha256: 'aa', test_name: 't', duration_s: 1, document: '{}' },
      seed: 1,
      seed_is_drawn: false,
      instances: [
        {
          name: instance,
          application: 'f',
          function: 'f',
          distribution: null,
          rate_per_s: null,
          arrivals: calls.length,
          payload_bytes: 2,
          payload_sha256: 'bb',
          stands_in: false,
        },
      ],
      functions: [
        { spec, is_deployed_here: true, vmm: 'fake', accelerator: 'tcg', guest_kernel: '6.12' },
      ],
      not_used: [],
      clock_start_ms: 0,
      observed_ms: 1,
      drained: true,
      error: null,
    },
    calls,
    operations: [],
    memory: [],
    load: [],
    accesses: null,
    torn_files: [],
    missing_files: [],
  };
}

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

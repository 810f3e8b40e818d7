/**
 * Goal: the share of local memory is chosen by the memory of all instances, keeps the SLO, and
 * what is modelled is said to be.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import { chooseShare, paretoShares, sharePerInstance } from '../../../agent/model/tier-share.ts';
import {
  countedCallsSchema,
  countedWorkload,
} from '../../../autoscaler/simulator/tiers/accesses.ts';
import { runSimulateTiers } from '../../../autoscaler/simulator/tiers/command.ts';
import { playTiers } from '../../../autoscaler/simulator/tiers/simulation.ts';
import { modelledWorkload } from '../../../autoscaler/simulator/tiers/workload.ts';
import { GIB, MIB } from '../../../base/units.ts';
import { holds } from '../../seed.ts';

test('less local memory in one instance can be more in all: then it is not chosen', (t) => {
  const table = [
    { share: 0.25, latency_ms: 900 },
    { share: 0.5, latency_ms: 200 },
    { share: 1, latency_ms: 150 },
  ];
  const asked = { bytes: GIB, slo_ms: 1_000, calls_per_s: 10, deviations: 2.33 };
  const alone = sharePerInstance(table, asked);
  const chosen = chooseShare(table, asked);
  t.like(alone, { share: 0.25, instances: 16, local_bytes: 4 * GIB });
  t.like(chosen, { share: 0.5, instances: 6, local_bytes: 3 * GIB });
  t.deepEqual(
    paretoShares(table, asked).map(({ share }) => share),
    [0.5, 1],
    'slower, and more memory: no choice at all',
  );
});

test('where no share keeps the SLO the fastest is taken, and it is said', (t) => {
  const table = [
    { share: 0, latency_ms: 30 },
    { share: 1, latency_ms: 20 },
  ];
  const asked = { bytes: MIB, slo_ms: 10, calls_per_s: 1, deviations: 0 };
  t.like(chooseShare(table, asked), { share: 1, keeps_slo: false });
  t.is(sharePerInstance(table, asked), null);
  t.is(chooseShare([], asked), null);
});

const tables = fc.uniqueArray(
  fc.record({
    share: fc.constantFrom(0, 0.25, 0.5, 0.75, 1),
    latency_ms: fc.integer({ min: 1, max: 5_000 }),
  }),
  { minLength: 1, maxLength: 5, selector: ({ share }) => share },
);

test('nothing that keeps the SLO takes less local memory than what is chosen', async (t) => {
  const asked = fc.record({
    bytes: fc.integer({ min: MIB, max: GIB }),
    slo_ms: fc.integer({ min: 1, max: 5_000 }),
    calls_per_s: fc.double({ min: 0.01, max: 100, noNaN: true }),
    deviations: fc.constantFrom(0, 2.33),
  });
  const property = fc.property(tables, asked, (table, about) => {
    const chosen = chooseShare(table, about);
    if (!chosen) throw new Error('nothing was chosen');
    const kept = table.flatMap((row) => {
      const one = chooseShare([row], about);
      return one?.keeps_slo ? [one.local_bytes] : [];
    });
    if (kept.length > 0 && !chosen.keeps_slo) throw new Error('one kept it');
    if (kept.some((bytes) => bytes < chosen.local_bytes)) throw new Error('one takes less');
  });
  await holds(t, property);
});

const RUN = { span_s: 600, keep_alive_s: 60, seed: 7, deviations: 2.33 };

test('adaptive shares violate no SLO and take less local memory than all local', (t) => {
  for (const penalty_ns of [50, 100, 200, 400]) {
    const workload = modelledWorkload(penalty_ns, 1.3);
    const adaptive = playTiers(workload, { kind: 'adaptive' }, RUN);
    const local = playTiers(workload, { kind: 'static', share: 1 }, RUN);
    const remote = playTiers(workload, { kind: 'static', share: 0 }, RUN);
    t.is(adaptive.violations, 0);
    t.is(local.violations, 0);
    t.is(adaptive.calls, local.calls, 'the same calls');
    t.true(adaptive.local_gib_s < local.local_gib_s);
    t.true(remote.local_gib_s === 0 && (penalty_ns < 200 || remote.violations > 0));
  }
});

test('the same seed plays the same run, and what is modelled is labelled', async (t) => {
  const texts: string[] = [];
  const stdout = { write: (text: string) => texts.push(text) };
  const input = { ...RUN, table: null, accesses: null, penalty_ns: 100, slack: 1.3, stdout };
  for (const json of [false, false, true]) await runSimulateTiers({ ...input, json });
  t.is(texts[0], texts[1]);
  t.regex(texts[0] ?? '', /^simulated; latencies modelled: .*nothing was measured/);
  t.like(JSON.parse(texts[2] ?? ''), { simulated: true, latencies: 'modelled' });
  await t.throwsAsync(runSimulateTiers({ ...input, json: false, table: '/nowhere' }), {
    code: 'HP_SIMULATE_OPTION',
  });
});

const COUNTED = {
  cache: '2 MiB in 16 ways, lines of 64 bytes',
  note: 'QEMU under TCG',
  calls: [
    {
      function: 'graph',
      input: 'small',
      bytes: 2 ** 28,
      instructions: 50_000_000,
      loads: 9_000_000,
      stores: 4_000_000,
      fills: 250_000,
      calls_per_s: 2,
    },
  ],
};

test('counted accesses give latencies by share: work, lines, and what remote ones take more', (t) => {
  const { source, note, classes } = countedWorkload(countedCallsSchema.parse(COUNTED), 200, 1.5);
  t.is(source, 'modelled');
  t.regex(note, /counted accesses \(2 MiB in 16 ways.*QEMU under TCG\).*stated/);
  // 50 ms of instructions, 20 of local lines, and 50 more where all lines are remote.
  t.deepEqual(
    classes.map((one) => one.table),
    [
      [
        { share: 0, latency_ms: 120 },
        { share: 0.25, latency_ms: 107.5 },
        { share: 0.5, latency_ms: 95 },
        { share: 0.75, latency_ms: 82.5 },
        { share: 1, latency_ms: 70 },
      ],
    ],
  );
  t.is(classes[0]?.slo_ms, 105);
});

test('a file of counted accesses is played, and told what is wrong with it', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'hotplane-accesses-'));
  t.teardown(async () => await rm(folder, { recursive: true }));
  const path = join(folder, 'accesses.json');
  const texts: string[] = [];
  const stdout = { write: (text: string) => texts.push(text) };
  const input = { ...RUN, table: null, accesses: path, penalty_ns: 200, slack: 1.5, stdout };
  const play = async () => await runSimulateTiers({ ...input, json: false });
  await writeFile(path, JSON.stringify(COUNTED));
  await play();
  t.regex(texts[0] ?? '', /^simulated; latencies modelled: from counted accesses/);
  t.regex(texts[0] ?? '', /graph\/small +105 ms +0\.5/);
  const both = runSimulateTiers({ ...input, json: false, table: path });
  await t.throwsAsync(both, { code: 'HP_SIMULATE_OPTION' });
  await writeFile(
    path,
    JSON.stringify({ ...COUNTED, calls: [{ ...COUNTED.calls[0], fills: -1 }] }),
  );
  await t.throwsAsync(play, { message: /calls\.0\.fills/ });
});

/**
 * Goal: the figures of `hotplane bench elastic` are what the agent's records say.
 * Method: records made up here, with sizes and stamps chosen so that every figure can be told by
 * hand.
 */
import { setImmediate as turn } from 'node:timers/promises';
import test from 'ava';
import { averageOf, peakOf } from '../../autoscaler/trace/memory-series.ts';
import { TRAINING_SERIES } from '../../autoscaler/trace/made-series.ts';
import { isHotplaneError } from '../../base/errors.ts';
import { hostClock } from '../../base/clock.ts';
import { GIB, MIB } from '../../base/units.ts';
import { elasticChecks } from '../../bench/elastic/checks.ts';
import { type ElasticSummary, gibSeconds, summarizeElastic } from '../../bench/elastic/figures.ts';
import { measureGiveBack } from '../../bench/elastic/give-back.ts';
import { parseElasticOptions, type RawElasticOptions } from '../../bench/elastic/options.ts';
import type { ElasticApi } from '../../bench/elastic/play.ts';
import { playOrder, playsOf, elasticSpecOf } from '../../bench/elastic/plan.ts';
import { RecordKeeper } from '../../bench/record-keeper.ts';
import type { MemoryStep, NeighbourCall } from '../../bench/elastic/records.ts';
import { renderElastic } from '../../bench/elastic/table.ts';
import { EMPTY_REPLY, EMPTY_OPERATION } from '../autoscaler/empty-messages.ts';
import { growth, OPTIONS, PLAY, RAW, REPORT, RUN } from './elastic-run.ts';

test('static is played beside what is measured, in turns, every second round backwards', (t) => {
  const plays = playsOf(OPTIONS, []);
  t.is(plays.length, 1 + 20 / 4);
  t.true(plays.every(({ works }) => works.length === 4));
  const order = playOrder(plays, OPTIONS).map(({ play, mechanism }) => `${mechanism} ${play.name}`);
  t.deepEqual(order.slice(0, 2), ['static training', 'hotmem training']);
  t.deepEqual(order.slice(order.length / 2), order.slice(0, order.length / 2).toReversed());
  t.is(elasticSpecOf('static', OPTIONS).memory, null);
  t.like(elasticSpecOf('hotmem', OPTIONS).memory, { baseline_bytes: 64 * MIB, history: false });
});

test('a series is played in the time of a play, and smaller where it would not fit', (t) => {
  const large = { ...TRAINING_SERIES, phases: [{ at_ms: 0, anonymous_bytes: 4 * GIB }] };
  const [, play] = playsOf(OPTIONS, [large, TRAINING_SERIES]);
  const [first, second] = play?.works ?? [];
  t.is(first?.anonymous_bytes, Math.round(512 * MIB * 0.9));
  t.is(first?.wall_ms, 8_000);
  t.is(second?.anonymous_bytes, 40 * MIB);
  t.true(Math.max(...(second?.phases ?? []).map((one) => one.anonymous_bytes)) === 400 * MIB);
  const own_bytes = 4 * MIB;
  const used_bytes = 512 * MIB * 0.9 + averageOf(TRAINING_SERIES) + 2 * own_bytes;
  t.is(play?.used_gib_s.toFixed(6), ((used_bytes / GIB) * 8).toFixed(6));
  t.true(peakOf(TRAINING_SERIES) < 512 * MIB * 0.9);
});

const BAD: readonly (readonly [keyof RawElasticOptions, string])[] = [
  ['mechanism', 'balloon'],
  ['mechanism', 'static'],
  ['instances', '0'],
  ['instances', '33'],
  ['limit', '1MiB'],
  ['limit', 'x'],
  ['baseline', '1GiB'],
  ['increment', '0'],
  ['seconds', '1.5'],
  ['rounds', '0'],
  ['seed', '-1'],
];
for (const [option, text] of BAD) {
  test(`--${option} '${text}' is refused with the option's name`, (t) => {
    const error = t.throws(() => parseElasticOptions({ ...RAW, [option]: text }));
    t.true(isHotplaneError(error) && error.code === 'HP_BENCH_OPTION');
    t.regex(error?.message ?? '', new RegExp(`^--${option}: `));
  });
}

const STEP: MemoryStep = {
  at_ms: 0,
  function: 'f',
  vm_id: 'vm-1',
  committed_bytes: 0,
  plugged_bytes: GIB,
  used_bytes: null,
  resident_bytes: 0,
  region_resident_bytes: 0,
  region_used_bytes: null,
};

test('a size holds from its step to the next, within the window; unknown is no size', (t) => {
  const steps = [
    STEP,
    { ...STEP, at_ms: 2_000, plugged_bytes: 3 * GIB },
    { ...STEP, at_ms: 3_000, plugged_bytes: 9 * GIB, region_used_bytes: GIB },
  ];
  const window = { from_ms: 1_000, to_ms: 3_000 };
  t.is(
    gibSeconds(steps, (step) => step.plugged_bytes, window),
    4,
  );
  t.is(
    gibSeconds(steps, (step) => step.region_used_bytes, window),
    null,
  );
  t.is(
    gibSeconds(steps, (step) => step.region_used_bytes, { from_ms: 3_000, to_ms: 5_000 }),
    2,
  );
  const early = { from_ms: -1, to_ms: 1_000 };
  t.is(
    gibSeconds(steps, (step) => step.plugged_bytes, early),
    null,
    'before the first step',
  );
  t.is(
    gibSeconds([], () => 1, window),
    null,
    'without any step',
  );
});

test('plays, waits and observers come to their figures', (t) => {
  const { mechanisms, ...rest } = summarizeElastic(RUN);
  t.like(rest, { phase_ms: 9, idle_ms: 6, give_back: { ratio: 1.5 }, neighbour: { ratio: 2 } });
  const [base, ours] = mechanisms;
  t.like(base, { mechanism: 'static', unused_share: 1 - 5 / 16, pages_migrated: null });
  t.like(ours, {
    plugged_gib_s: 10,
    used_gib_s: 8.5,
    growths: 100,
    shrinks: 1,
    failed: 1,
    pages_migrated: 3,
    unseen: 1,
    agree: 99,
  });
  t.is(ours?.unused_share?.toFixed(9), '0.150000000');
  t.is(ours?.disagree.length, 2, 'a guest that tells another size, a host that holds more');
  t.regex(ours?.disagree[0] ?? '', /grow op-7: VMM 134217728, guest 67108864/);
  t.like(ours?.waits.own, { n: 100, p50_ms: 0.5, p99_ms: 0.5, most_ms: 5 });
  t.like(ours?.waits.told, { p50_ms: 1 });
  t.like(ours?.waits.accepted, { p50_ms: 2 });
  t.like(ours?.waits.all, { p50_ms: 9.5 });
  t.like(ours?.guest_waits, { n: 100, p50_ms: 12 });
  t.is(ours?.guest_mean_ms?.toFixed(4), ((101 * 12 + 90) / 102).toFixed(4));
});

function verdictsOf(summary: ElasticSummary, calls: readonly NeighbourCall[] = []): string[] {
  return elasticChecks(summary, calls).map(({ name, verdict }) => `${name} ${verdict}`);
}

test('promises are held against the figures, of mechanisms whose instances wait alone', (t) => {
  const summary = summarizeElastic(RUN);
  t.deepEqual(verdictsOf(summary), [
    'hotmem_unused met',
    'hotmem_wait_p99 met',
    'hotmem_own_p99 met',
    'hotmem_failed missed',
    'hotmem_oom_kills met',
    'hotmem_migrated missed',
    'hotmem_observers missed',
    'own_alone_p99 met',
    'give_back met',
    'neighbour_p99 not measured',
  ]);
  const few = summarizeElastic({ ...RUN, operations: RUN.operations.slice(0, 50), given_back: [] });
  t.true(verdictsOf(few).includes('hotmem_own_p99 not measured'), 'p99 of too few is none');
  t.true(verdictsOf(few).includes('give_back not measured'));
  const untold = summarizeElastic({
    ...RUN,
    plays: [{ ...PLAY, plugged_gib_s: null }],
    operations: [growth(0, { guest_plugged_bytes: null })],
  });
  t.true(verdictsOf(untold).includes('hotmem_unused not measured'), 'nobody told what was plugged');
  t.true(verdictsOf(untold).includes('hotmem_observers not measured'), 'no operation was seen');
});

test('every promise is missed by a figure just beyond its bound', (t) => {
  const summary = summarizeElastic(RUN);
  const ours = summary.mechanisms.find(({ mechanism }) => mechanism === 'hotmem');
  if (!ours || !summary.give_back) return t.fail('the run has both');
  const worse: ElasticSummary = {
    ...summary,
    give_back: { ...summary.give_back, ratio: 1.51 },
    alone_unstarved: { ...summary.alone_unstarved, p99_ms: 2.01 },
    mechanisms: [
      {
        ...ours,
        unused_share: 0.151,
        guest_waits: { ...ours.guest_waits, p99_ms: 50.1 },
        waits: { ...ours.waits, own: { ...ours.waits.own, p99_ms: 2.01 } },
        failed: 1,
        oom_kills: 1,
        pages_migrated: 1,
        disagree: ['one'],
      },
    ],
  };
  const told = elasticChecks(worse, callsOf(4.3, 100));
  t.is(told.length, 10);
  return t.deepEqual(
    told.filter(({ verdict }) => verdict !== 'missed'),
    [],
  );
});

/** So many calls that met a give-back, and as many of 4 ms that did not. */
function callsOf(met_ms: number, count: number): NeighbourCall[] {
  return Array.from({ length: 2 * count }, (_, index) => ({
    met: index < count,
    wall_ms: index < count ? met_ms : 4,
  }));
}

test("a neighbour's p99 is held against the bound of bench reclaim, once there are enough calls", (t) => {
  const summary = summarizeElastic(RUN);
  for (const [met_ms, count, verdict] of [
    [4.2, 100, 'met'],
    [4.3, 100, 'missed'],
    [8, 99, 'not measured'],
  ] as const) {
    const [last] = verdictsOf(summary, callsOf(met_ms, count)).slice(-1);
    t.is(last, `neighbour_p99 ${verdict}`, `${count} calls of ${met_ms} ms`);
  }
});

const notAsked = async (): Promise<never> => await Promise.reject(new Error('not asked for'));

test('an agent that ends while memory is given back is told once, to whoever measures', async (t) => {
  const gone = new Error('the agent ended');
  const api = {
    invoke: async ({ invocation_id }: { readonly invocation_id: string }): Promise<never> => {
      // The neighbour hears of it first.
      if (invocation_id !== 'neighbour') await turn();
      throw gone;
    },
    drain: notAsked,
    status: notAsked,
    watch: notAsked,
  };
  const about = { name: 'f', options: OPTIONS, clock: hostClock, tell: () => undefined };
  const { signal } = new AbortController();
  const unheard: unknown[] = [];
  const note = (why: unknown): unknown => unheard.push(why);
  process.on('unhandledRejection', note);
  t.teardown(() => process.off('unhandledRejection', note));
  const error = await t.throwsAsync(measureGiveBack(api, new RecordKeeper(), about, signal));
  t.is(error, gone);
  t.deepEqual(unheard, [], 'nothing that would end the process');
});

/** An agent whose phases are all given back; of its idle regions, those from `whole_at` on. */
function agentThatGivesBack(recorder: RecordKeeper, whole_at: number): ElasticApi {
  let idles = 0;
  const record = (cause: 'shrink' | 'stop', outcome: 'done' | 'partial', instance_id: string) =>
    recorder.operations.push({
      ...EMPTY_OPERATION,
      cause,
      outcome,
      instance_id,
      before_bytes: 512 * MIB,
      requested_at_ms: 1,
      resident_at_ms: 2,
    });
  return {
    invoke: async ({ invocation_id }) => {
      await turn();
      // Of the neighbour nothing is told: it calls no more.
      if (invocation_id.startsWith('phase')) record('shrink', 'done', invocation_id);
      if (invocation_id.startsWith('idle')) {
        idles += 1;
        record('stop', idles < whole_at ? 'partial' : 'done', invocation_id);
      }
      return { ...EMPTY_REPLY, instance_id: invocation_id, answer: null };
    },
    drain: async () => await Promise.resolve({ finished_at_ms: 3, instances_stopped: 0 }),
    status: notAsked,
    watch: notAsked,
  };
}

for (const [whole_at, phases, idles] of [
  [1, 2, 2],
  [3, 4, 2],
  [99, 6, 0],
] as const) {
  test(`of regions that are back whole from try ${whole_at} on, ${idles} are measured`, async (t) => {
    const recorder = new RecordKeeper();
    const api = agentThatGivesBack(recorder, whole_at);
    const about = {
      name: 'f',
      options: { ...OPTIONS, short: true },
      clock: hostClock,
      tell: () => undefined,
    };
    const { lines } = await measureGiveBack(api, recorder, about, new AbortController().signal);
    const told = Object.groupBy(lines, ({ what }) => what);
    t.is(told.phase?.length, phases);
    t.is(told.idle?.length ?? 0, idles);
  });
}

test('the text has every play, part of a wait and check, and says which observers disagree', (t) => {
  const summary = summarizeElastic(RUN);
  const text = renderElastic({
    ...REPORT,
    summary,
    checks: elasticChecks(summary, RUN.neighbour),
  });
  for (const word of ['training', "agent's own", 'op-7', 'missed', 'guest kernel']) {
    t.true(text.includes(word), word);
  }
  t.false(text.includes('NaN'));
});

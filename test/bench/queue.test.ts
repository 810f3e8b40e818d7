/**
 * Goal: `hotplane bench queue` says what its calls, the agent's records and its own stamps say.
 * Method: records made up here so that every figure can be told by hand, and a turn over an agent
 * that the test plays.
 */
import test from 'ava';
import { assert } from '../../base/assert.ts';
import { isHotplaneError } from '../../base/errors.ts';
import { GIB, MIB } from '../../base/units.ts';
import { owedMs } from '../../bench/queue/churn.ts';
import { agentOptions, ARMS, armNamed } from '../../bench/queue/arms.ts';
import { queueChecks } from '../../bench/queue/checks.ts';
import { summarizeQueue } from '../../bench/queue/figures.ts';
import { measureTurn, type QueueApi, quietOf } from '../../bench/queue/measure.ts';
import {
  parseQueueBenchOptions,
  type QueueBenchOptions,
  type RawQueueBenchOptions,
} from '../../bench/queue/options.ts';
import {
  bytesFor,
  CHURN_INSTANCES,
  CHURN_KEEP_MS,
  churnWork,
  NEIGHBOURS,
  queueSpecsOf,
  queueTurnsOf,
} from '../../bench/queue/plan.ts';
import { touchWork, TRIAL_BYTES } from '../../bench/queue/plan.ts';
import type { Operation, QueueLine, QueueNeighbourLine } from '../../bench/queue/records.ts';
import { EMPTY_OPERATION } from '../autoscaler/empty-messages.ts';
import { FakeClock } from '../fakes/clock.ts';

const RAW: RawQueueBenchOptions = {
  churn: '2GiB',
  calls: '110',
  cycles: '2',
  minutes: '60',
  rounds: '2',
  arms: 'all,steps',
  price: '1000',
  seed: '1',
};
const OPTIONS = parseQueueBenchOptions(RAW);

const BAD: readonly (readonly [keyof RawQueueBenchOptions, string])[] = [
  ['churn', '511MiB'],
  ['churn', 'x'],
  ['calls', '0'],
  ['cycles', '0'],
  ['minutes', '1441'],
  ['rounds', '101'],
  ['arms', 'token'],
  ['arms', ''],
  ['price', '0'],
  ['seed', '-1'],
];
for (const [option, text] of BAD) {
  test(`--${option} '${text}' is refused with the option's name`, (t) => {
    const error = t.throws(() => parseQueueBenchOptions({ ...RAW, [option]: text }));
    t.true(isHotplaneError(error) && error.code === 'HP_BENCH_OPTION');
    t.regex(error?.message ?? '', new RegExp(`^--${option}: `));
  });
}

test('an agent has the ideas of its arm, and each is alone in one and left out in one', (t) => {
  t.deepEqual(
    ARMS.map(({ ideas }) => ideas.length),
    [0, 1, 1, 1, 1, 3, 3, 3, 3, 4],
  );
  const [off] = ARMS;
  const nothing = [
    '--reclaim-tokens',
    '10000',
    '--reclaim-tokens-first',
    '10000',
    '--reclaim-slowdown',
    '10000',
  ];
  t.deepEqual(agentOptions(off, 7), [...nothing, '--reclaim-step', 'off', '--no-reclaim-yields']);
  const all = armNamed('all');
  t.deepEqual(all && agentOptions(all, 7), ['--hold-ms-per-gib-s', '7']);
});

test('every second round runs backwards, and without any idea is always among the arms', (t) => {
  t.deepEqual(
    queueTurnsOf(OPTIONS).map(({ arm, round }) => `${round} ${arm.name}`),
    ['1 off', '1 steps', '1 all', '2 all', '2 steps', '2 off'],
  );
  t.is(parseQueueBenchOptions({ ...RAW, arms: undefined }).arms.length, 10);
});

test('what comes and goes is four instances, and a call of a neighbour is work that is counted', (t) => {
  const [churn, ...others] = queueSpecsOf(OPTIONS);
  t.like(churn, { name: 'churn', concurrency: 4, limit_bytes: 512 * MIB, keep_alive_ms: 100 });
  t.is(others.length, 3);
  const { cpu_ms, wall_ms, phases } = touchWork(bytesFor({ name: 'x', call_ms: 40 }, 10));
  t.deepEqual([cpu_ms, wall_ms, phases?.length], [0, 0, 16]);
  t.is(phases?.[0]?.anonymous_bytes, (4 * TRIAL_BYTES) / 8);
  t.is(phases?.[1]?.anonymous_bytes, 0);
});

test('instances that come and go end together: they rest until filling is over on one CPU', (t) => {
  const { anonymous_bytes, wall_ms } = churnWork(OPTIONS, 8);
  t.is(anonymous_bytes, Math.floor(0.8 * 512 * MIB));
  // 2 GiB, of which 0.8 are filled, by 4 MiB in 8 ms, and a quarter more.
  t.is(wall_ms, Math.round((2_048 * 0.8 * 8 * 1.25) / 4));
  t.is(churnWork(OPTIONS, 1_000).wall_ms, 10_000, 'bounded');
});

const hundredOf = (ms: number): number[] => Array.from({ length: 100 }, () => ms);

/** A hundred calls of each: so many times as long beside an unplug as in quiet time. */
function lineOf(arm: string, times: number, change: Partial<QueueLine> = {}): QueueLine {
  const neighbours = NEIGHBOURS.map(({ name, call_ms }): QueueNeighbourLine => {
    const busy_ms = hundredOf(call_ms * times);
    return { name, busy_ms, mixed_ms: [], control_ms: hundredOf(call_ms) };
  });
  return {
    arm,
    round: 1,
    cycles: 2,
    neighbours,
    back_bytes: 4 * GIB,
    back_ms: 2_000,
    kept: 0,
    start_held_ms: 0,
    reclaim_held_ms: 0,
    unplugs: 8,
    steps: 8,
    slowdown: null,
    tokens: 8,
    failed: 0,
    reason: null,
    ...change,
  };
}

test('slowdown, weighted speed-up and throughput of an arm are those of all its rounds', (t) => {
  const half = { back_bytes: 2 * GIB, back_ms: 1_500, reclaim_held_ms: 40 };
  const lines = [lineOf('off', 2), lineOf('all', 1.25), lineOf('all', 1.25, half)];
  const { arms } = summarizeQueue({ lines });
  t.like(arms[0], { arm: 'off', worst_slowdown: 2, weighted_speedup: 1.5, throughput: 1 });
  t.is(arms[0]?.back_gib_per_s, 2);
  t.like(arms[1], { worst_slowdown: 1.25, unplugs: 16, reclaim_held_ms: 40 });
  t.is(arms[1]?.weighted_speedup?.toFixed(6), '2.400000');
  t.is(arms[1]?.throughput, 6 / 3.5 / 2);
  t.like(arms[1]?.neighbours[0], { busy: 200, control: 200, control_p50_ms: 4 });
  t.is(arms[1]?.neighbours[0]?.p99?.ratio, 1.25);
});

test('where a function met nothing, nothing is said of all of them', (t) => {
  const line = lineOf('off', 2);
  const [first, ...others] = line.neighbours;
  const met = first ? [{ ...first, busy_ms: [] }, ...others] : [];
  const { arms } = summarizeQueue({ lines: [{ ...line, neighbours: met }] });
  t.like(arms[0], { worst_slowdown: null, weighted_speedup: null });
  t.is(arms[0]?.neighbours[0]?.p99, null);
});

function verdictsOf(...lines: readonly QueueLine[]): Record<string, string> {
  const checks = queueChecks(summarizeQueue({ lines }));
  return Object.fromEntries(checks.map(({ name, verdict }) => [name, verdict]));
}

test('promises are of the arm with all ideas, and one that was not measured says so', (t) => {
  const met = verdictsOf(lineOf('off', 3), lineOf('all', 1.04));
  t.deepEqual([...new Set(Object.values(met))], ['met']);
  const unmeasured = verdictsOf(lineOf('off', 3));
  t.like(unmeasured, { short_p99: 'not measured', throughput: 'not measured' });
});

const MISSED: readonly (readonly [string, QueueLine])[] = [
  ['long_p99', lineOf('all', 1.1)],
  ['short_p99', lineOf('all', 1.3)],
  ['throughput', lineOf('all', 1, { back_ms: 2_800 })],
  ['start_held', lineOf('all', 1, { start_held_ms: 101 })],
  ['reclaim_held', lineOf('all', 1, { reclaim_held_ms: 1_001 })],
  ['failed', lineOf('all', 1, { failed: 1, reason: 'churn: HP_X' })],
];
for (const [name, line] of MISSED) {
  test(`${name} is told as missed`, (t) => {
    t.is(verdictsOf(lineOf('off', 3), line)[name], 'missed');
  });
}

/** An agent in which each instance of the function plugs, ends, and is back after 20 ms. */
class Played {
  readonly operations: Operation[] = [];
  readonly clock = new FakeClock();
  readonly #last_ms: number;
  #plugged = 0;
  #fills = 0;

  /** `last_ms`: for how long the last instance fills its memory when the others are done. */
  constructor(last_ms: number) {
    this.#last_ms = last_ms;
  }

  readonly api: QueueApi = {
    invoke: async ({ function: name }) => {
      if (name === 'churn') {
        this.#fills += 1;
        if (this.#fills % CHURN_INSTANCES === 0) await this.clock.sleep(this.#last_ms);
        this.#churn();
      } else await this.clock.sleep(1);
      const reply = { outcome: 'done', guest_wall_ms: 1, finished_at_ms: this.clock.nowMs() };
      // eslint-disable-next-line typescript/no-unsafe-type-assertion -- what is looked at of it
      return reply as Awaited<ReturnType<QueueApi['invoke']>>;
    },
    status: async () => {
      await Promise.resolve();
      const functions = [{ permits_bytes: this.#plugged }];
      const told = { functions, queue: { slowdown: 1.5, tokens: 4 } };
      // eslint-disable-next-line typescript/no-unsafe-type-assertion -- what is looked at of it
      return told as unknown as Awaited<ReturnType<QueueApi['status']>>;
    },
  };

  #churn(): void {
    const { clock } = this;
    const requested_at_ms = clock.nowMs() + CHURN_KEEP_MS + 1;
    const bytes = 512 * MIB;
    const of = { ...EMPTY_OPERATION, function: 'churn', outcome: 'done' } as const;
    this.operations.push({ ...of, kind: 'plug', cause: 'start', plugged_bytes: bytes });
    this.#plugged += bytes;
    clock.timer(CHURN_KEEP_MS + 20, () => {
      this.#plugged -= bytes;
      const ends = { plugged_at_ms: clock.nowMs(), resident_at_ms: clock.nowMs() };
      const held = { held_ms: 7, steps: 4, before_bytes: bytes };
      const unplug = { ...of, kind: 'unplug', cause: 'stop' } as const;
      this.operations.push({ ...unplug, requested_at_ms, ...ends, ...held });
    });
  }
}

for (const [what, due, back, owed] of [
  ['one after the other, with nothing due between', [0, 100], [10, 130], 40],
  ['at the same time', [0, 5], [10, 20], 20],
  ['one that is not back in time', [0, 100], [10], 210],
  ['one that came before it was due', [100], [90], 0],
] as const) {
  test(`time in which something is owed: ${what}`, (t) => {
    t.is(owedMs(due, back, 300), owed);
  });
}

const SECOND = { from_ms: 1_000, to_ms: 2_000 };
for (const [what, windows, quiet] of [
  ['none', [], [SECOND]],
  ['one that was over before', [[100, 900]], [SECOND]],
  ['one whose memory the host has a little later', [[100, 1_050]], [{ ...SECOND, from_ms: 1_050 }]],
  ['one that is begun in it', [[1_500, 1_600]], []],
  ['one that lasts', [[900, 2_100]], []],
] as const) {
  test(`what is quiet of a stretch of time, beside unplugs: ${what}`, (t) => {
    const about = windows.map(([from_ms, to_ms]) => ({ from_ms, to_ms }));
    t.deepEqual(quietOf([SECOND], about), [...quiet]);
  });
}

/** A turn of an agent that the test plays; `options` and `until_ms` say when it ends. */
async function played(options: Partial<QueueBenchOptions>, until_ms = Infinity, last_ms = 0) {
  const { api, operations, clock } = new Played(last_ms);
  const [turn] = queueTurnsOf(OPTIONS);
  assert(turn, 'there is a turn');
  const about = { turn, options: { ...OPTIONS, ...options }, trial_ms: 1, clock, until_ms };
  const task = { ...about, tell: () => undefined };
  const { signal } = new AbortController();
  return await clock.until(measureTurn(api, { operations }, task, signal));
}

test('a turn tells which calls met an unplug, what came back and how long it waited', async (t) => {
  const line = await played({ cycles: 1 });
  t.like(line, { arm: 'off', round: 1, back_bytes: 2 * GIB, kept: 0, unplugs: 4, steps: 16 });
  t.like(line, { start_held_ms: 0, reclaim_held_ms: 7, slowdown: 1.5, tokens: 4, failed: 0 });
  t.is(line.back_ms, 20);
  t.is(line.cycles, 1);
  const [short] = line.neighbours;
  t.is(short?.busy_ms.length, 3, 'a call of 1 ms each 5 ms, in 19 ms');
  t.deepEqual(short?.mixed_ms, []);
  t.true((short?.control_ms.length ?? 0) > 30, 'and in a second of quiet');
});

test('a call that met an unplug while an instance still filled its memory is told apart', async (t) => {
  const { neighbours } = await played({ cycles: 1 }, Infinity, 300);
  const [short] = neighbours;
  t.true((short?.mixed_ms.length ?? 0) >= 3, 'of the three that were done before');
  t.true((short?.busy_ms.length ?? 0) >= 3, 'of the last one');
});

test('a turn goes on until each function has its part of the calls, and not beyond', async (t) => {
  const { cycles, neighbours } = await played({ cycles: 40, calls: 8, rounds: 2 });
  const fewest = Math.min(...neighbours.map(({ busy_ms }) => busy_ms.length));
  t.true(fewest >= 4);
  t.true(fewest - fewest / cycles < 4, 'a cycle less had not been enough');
});

test('a turn ends after the cycle in which its time is over, and has one at least', async (t) => {
  t.is((await played({ cycles: 40, calls: 10_000 }, 0)).cycles, 1);
  const { cycles } = await played({ cycles: 40, calls: 10_000 }, 3_000);
  t.true(cycles > 1 && cycles < 5);
  t.is((await played({ cycles: 3, calls: 10_000 })).cycles, 3);
});

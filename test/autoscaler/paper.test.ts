/** The paper's experiment, live: what is made of its replays, and the bursts they all replay. */
import assert from 'node:assert/strict';
import test from 'ava';
import { type PaperRun, paperRows, renderPaperReplay } from '../../autoscaler/replay/paper.ts';
import { madeBursts } from '../../autoscaler/trace/bursts.ts';
import { GIB } from '../../base/units.ts';
import { runLine } from '../cli/run-line.ts';

/** A run of two minutes with calls that each took so long, and so much committed to two VMs. */
function run(
  way: PaperRun['way'],
  took_ms: readonly (number | null)[],
  committed: number | null,
): PaperRun {
  return {
    way,
    invocations: took_ms.map((ms, index) => ({
      outcome: ms === null ? 'refused' : 'done',
      planned_at_ms: 100 * index,
      replied_at_ms: 100 * index + (ms ?? 5),
    })),
    manifest: { functions: [{ boot_bytes: GIB }, { boot_bytes: GIB / 2 }] },
    summary: {
      mechanisms: [
        { observed_ms: 120_000, not_compared: [], marks: [], memory_gib_s: { committed } },
      ],
    },
  };
}

/** A hundred and one calls, of which two are slow: p99 is the faster of them. */
const calls = (slow_ms: number | null): (number | null)[] => [
  ...Array.from({ length: 99 }, () => 300),
  slow_ms,
  9_000,
];

test('ways are told against abundant: p99 over all calls, memory without what VMs boot with', (t) => {
  const rows = paperRows([
    run('abundant', calls(400), 280),
    run('virtio-mem', calls(1_000), 230),
    run('hotmem', calls(440), 230),
  ]);
  t.deepEqual(
    rows.map((row) => [row.way, row.calls, row.p99_against_abundant, row.gib_s_against_abundant]),
    [
      ['abundant', 101, 1, 1],
      ['virtio-mem', 101, 2.5, 0.5],
      ['hotmem', 101, 1.1, 0.5],
    ],
  );
  t.deepEqual(
    rows.map(({ gib_s, published_p99 }) => [gib_s, published_p99]),
    [
      [100, 1],
      [50, 3.15],
      [50, 1.1],
    ],
  );
});

test('a call without a reply is later than all others, and too few calls have no p99', (t) => {
  const refused = paperRows([run('abundant', calls(400), 280), run('harvest', calls(null), 230)]);
  t.is(refused[1]?.p99_against_abundant, 9_000 / 400);
  const few = paperRows([run('abundant', calls(400), 280), run('hotmem', [300, 301], 230)]);
  t.is(few[1]?.p99_against_abundant, null);
});

test('what is not known stays unknown, of abundant too', (t) => {
  const rows = paperRows([run('abundant', [300], null), run('hotmem', calls(400), 230)]);
  t.deepEqual(
    rows.map((row) => [row.p99_against_abundant, row.gib_s, row.gib_s_against_abundant]),
    [
      [null, null, null],
      [null, 50, null],
    ],
  );
});

test('figures of a disturbed way are told with what disturbed it', (t) => {
  const disturbed = run('hotmem', calls(400), 230);
  const [own] = disturbed.summary.mechanisms;
  assert(own);
  const not_compared = [{ code: 'host-disturbed', text: 'others took 40 % of the CPU' }] as const;
  const mechanisms = [{ ...own, not_compared, marks: ['saturated'] as const }];
  const rows = paperRows([
    run('abundant', calls(400), 280),
    { ...disturbed, summary: { mechanisms } },
  ]);
  const about = { seed: 1, invocations: 101, run_ms: 120_000, keep_alive_ms: 24_000 };
  const text = renderPaperReplay({ ...about, simulated: false, host_limit_bytes: 4 * GIB, rows });
  t.regex(text, /^LIVE, at reduced scale.*2411\.12893v2/);
  t.regex(text, /hotmem: its figures say nothing: others took 40 % of the CPU\n/);
  t.regex(text, /hotmem: its figures say nothing: the work alone fills the host\n/);
  t.notRegex(text, /abundant: its figures/);
});

test('bursts are the same for a seed, of all functions, within the run and their largest size', (t) => {
  const options = { seed: 3, functions: 4, instances_max: 6, time_scale: 0.2 };
  const made = madeBursts(options);
  t.deepEqual([...madeBursts(options)], [...made]);
  t.notDeepEqual([...madeBursts({ ...options, seed: 4 })], [...made]);
  t.deepEqual(new Set(made.function_index.toSorted()), new Set([0, 1, 2, 3]));
  t.true(made.length >= 100, `${made.length} calls: enough for a p99`);
  t.true(made.arrival_ms.every((at_ms) => at_ms < 120_000 + 500));
  for (let fn = 0; fn < 4; fn += 1) {
    const own = made.arrival_ms.filter((_, at) => made.function_index[at] === fn);
    for (const begin_ms of own) {
      const beside = own.filter((at_ms) => at_ms >= begin_ms && at_ms < begin_ms + 400).length;
      t.true(beside <= 12, 'two bursts may touch, and are no larger than asked for');
    }
  }
});

test('a bad option is refused before anything is written', async (t) => {
  for (const [option, code] of [
    ['--memory-scale x', 'HP_REPLAY_OPTION'],
    ['--touched-share 2', 'HP_REPLAY_OPTION'],
    ['--instances 3', 'HP_CLI_BAD_VALUE'],
    ['--minutes 0', 'HP_CLI_BAD_VALUE'],
  ] as const) {
    const told = await runLine(`replay paper ${option} --out /nonexistent/paper`);
    t.is(told.code, 2, option);
    t.true(told.err.includes(code), told.err);
  }
});

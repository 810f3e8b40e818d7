import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { orderOfRound } from '../../autoscaler/replay/rounds.ts';
import { TimeLeft } from '../../autoscaler/replay/time-left.ts';
import { runCompareCommand } from '../../autoscaler/report/compare-command.ts';
import { rebuildRounds } from '../../autoscaler/report/rounds-folder.ts';
import { type Round, summarizeRounds } from '../../autoscaler/report/rounds.ts';
import { renderRounds, roundsCsv } from '../../autoscaler/report/rounds-text.ts';
import { geometricMeanInterval, meanInterval } from '../../autoscaler/results/intervals.ts';
import { readManifest, readResults } from '../../autoscaler/results/reader.ts';
import { HotplaneError } from '../../base/errors.ts';
import { GIB } from '../../base/units.ts';
import { healthyRun, type MadeRun, summaryOf, WINDOW_MS } from './made-run.ts';
import { rig } from './replay-rig.ts';

test('a mean has the interval of Student, which one value alone has not', (t) => {
  t.is(meanInterval([7]), null);
  const { value, low, high } = meanInterval([9, 10, 11]) ?? { value: 0, low: 0, high: 0 };
  t.is(value, 10);
  // 4.303 x 1 / sqrt(3)
  t.true(Math.abs(high - value - 2.4843) < 1e-3, String(high));
  t.true(Math.abs(value - low - 2.4843) < 1e-3, String(low));
  const many = meanInterval(Array.from({ length: 62 }, (_, index) => index % 2));
  // Of 61 degrees of freedom t is 1.9996, and the deviation 0.50408.
  t.true(Math.abs((many?.high ?? 0) - 0.5 - (1.9996 * 0.50408) / Math.sqrt(62)) < 2e-4);
  t.like(geometricMeanInterval([0.5, 2]), { value: 1 });
});

test('each round begins with the next mechanism, and none is lost', (t) => {
  const orders = [1, 2, 3, 4].map((round) =>
    orderOfRound(['static', 'virtio-mem', 'hotmem'], round),
  );
  t.deepEqual(orders, [
    ['static', 'virtio-mem', 'hotmem'],
    ['virtio-mem', 'hotmem', 'static'],
    ['hotmem', 'static', 'virtio-mem'],
    ['static', 'virtio-mem', 'hotmem'],
  ]);
});

/** `static` holds 3 GiB, `hotmem` this many. */
function madeRound(round: number, gib: number, spoil: (run: MadeRun) => void = () => {}): Round {
  const run = healthyRun();
  for (const line of run.memory) {
    if (line.kind !== 'step' || line.mechanism !== 'hotmem') continue;
    line.committed_bytes = gib * GIB;
  }
  spoil(run);
  return { round, started_at: '2026-01-01T00:00:00.000Z', summary: summaryOf(run) };
}

function hogBeside(mechanism: string): (run: MadeRun) => void {
  return (run) => {
    for (const line of run.load) if (line.mechanism === mechanism) line.other_cpu_share = 0.6;
  };
}

const OF_HOTMEM = 1;

function committedOf(rounds: readonly Round[]): Record<string, unknown> | undefined {
  const found = summarizeRounds(rounds).mechanisms[OF_HOTMEM]?.figures[0];
  return found && { ...found };
}

test('figures are told over the rounds: median, range, mean and ratio within each round', (t) => {
  const rounds = [madeRound(1, 1), madeRound(2, 2), madeRound(3, 1.5)];
  const window_s = WINDOW_MS / 1000;
  const [median, min, max] = [1.5, 1, 2].map((gib) => gib * window_s);
  const found = committedOf(rounds);
  t.like(found, { name: 'committed_gib_s', n: 3, median, min, max });
  const base_gib_s = summarizeRounds(rounds).mechanisms[0]?.figures[0]?.median ?? 0;
  const ratio = (median ?? 0) / base_gib_s;
  const value = Math.round(Math.cbrt((2 / 1.5) * (1 / 1.5)) * ratio * 1e6) / 1e6;
  t.like(found, { against_baseline: { value } });
  const text = renderRounds(summarizeRounds(rounds));
  t.regex(text, /rounds that count +3 of 3 +3 of 3/);
  t.regex(text, /against static \(95 %\)/);
  t.notRegex(text, /rounds.csv/);
});

test('a disturbed round counts for nothing of that mechanism, and is named', (t) => {
  const rounds = [madeRound(1, 1), madeRound(2, 100, hogBeside('hotmem')), madeRound(3, 1)];
  const { mechanisms } = summarizeRounds(rounds);
  const [base, own] = mechanisms;
  t.is(own?.rounds_counted, 2);
  t.deepEqual(own?.left_out, [{ round: 2, reasons: ['host-disturbed'] }]);
  t.like(committedOf(rounds), { n: 2, min: 20, max: 20 });
  t.is(base?.rounds_counted, 3);
  const text = renderRounds(summarizeRounds(rounds));
  t.regex(text, /2 of 3 \(host-disturbed\)/);
  t.regex(text, /all the same stands in rounds.csv/);
  t.regex(roundsCsv(rounds), /\n2,2,hotmem,host-disturbed,2000,/, 'nothing measured is lost');
});

test('a disturbed baseline leaves figures, and no ratio to that round', (t) => {
  const found = committedOf([madeRound(1, 1), madeRound(2, 2, hogBeside('static'))]);
  t.like(found, { n: 2, max: 2 * (WINDOW_MS / 1000), against_baseline: null });
});

test('rounds are runs of their own, each in the next order, and one table', async (t) => {
  const { out, runRounds, notes } = rig(t);
  const summary = await runRounds(3);
  t.deepEqual(readdirSync(out).toSorted(), [
    'round-1',
    'round-2',
    'round-3',
    'rounds.csv',
    'rounds.json',
  ]);
  t.deepEqual(
    summary.rounds.map(({ round, status, order }) => [round, status, order[0]]),
    [
      [1, 'complete', 'static'],
      [2, 'complete', 'virtio-mem'],
      [3, 'complete', 'static'],
    ],
  );
  const stock = summary.mechanisms[1]?.figures[0];
  t.is(stock?.n, 3);
  t.true((stock?.against_baseline?.value ?? 1) < 0.7);
  const csv = readFileSync(join(out, 'rounds.csv'), 'utf8').trimEnd().split('\n');
  t.is(csv.length, 1 + 3 * 2);
  t.deepEqual(
    notes.filter((one) => one.startsWith('differs')),
    [],
    'another order is no other run',
  );
  let text = '';
  const stdout = { write: (more: string) => void (text += more) };
  const { signal } = new AbortController();
  await runCompareCommand({ folders: [out], seed: 1, svg: null, json: false, stdout, signal });
  t.regex(text, /virtio-mem, round 3 +live/);
  const before = readFileSync(join(out, 'rounds.json'), 'utf8');
  rmSync(join(out, 'rounds.json'));
  await rebuildRounds(out);
  t.is(readFileSync(join(out, 'rounds.json'), 'utf8'), before, 'from the rounds alone');
});

test('after Ctrl-C the same command keeps whole rounds, and replays the one cut', async (t) => {
  let sent = 0;
  const { out, abort, runRounds, notes } = rig(t, {
    onInvoke: (count) => {
      sent = count;
      if (count === 250) abort.abort();
    },
  });
  const error = await t.throwsAsync(runRounds(2), { instanceOf: HotplaneError });
  t.is(error.code, 'HP_REPLAY_INTERRUPTED');
  t.regex(error.message, /1 of 2 rounds are complete/);
  const first = readFileSync(join(out, 'round-1', 'manifest.json'), 'utf8');
  const before = sent;
  const summary = await runRounds(2);
  t.deepEqual(
    summary.rounds.map(({ status }) => status),
    ['complete', 'complete'],
  );
  t.is(readFileSync(join(out, 'round-1', 'manifest.json'), 'utf8'), first);
  t.is((await readManifest(join(out, 'round-2-part-1'))).status, 'interrupted');
  t.true(notes.includes('round 1 of 2 is there'));
  t.is(sent - before, 202, 'one round of two mechanisms');
});

/** Cut off so many calls after the first of two rounds; what is left is spoilt, and run again. */
async function cutInSecondRound(t: ExecutionContext, calls: number, spoil: Spoil = () => {}) {
  let sent = 0;
  const rigged = rig(t, {
    onInvoke: (count) => {
      sent = count;
      if (count === ROUND_CALLS + calls) rigged.abort.abort();
    },
  });
  await t.throwsAsync(rigged.runRounds(2), { code: 'HP_REPLAY_INTERRUPTED' });
  const before = sent;
  const round = join(rigged.out, 'round-2');
  const cut = await readResults(round);
  spoil(round);
  const summary = await rigged.runRounds(2);
  const now = await readResults(round);
  return { ...rigged, summary, cut, now, sent_again: sent - before };
}

type Spoil = (folder: string) => void;
/** Of two mechanisms. */
const ROUND_CALLS = 202;

test('within a round the same command keeps the mechanisms that were complete', async (t) => {
  const { out, summary, cut, now, sent_again, notes } = await cutInSecondRound(t, 150);
  t.is(sent_again, 101, 'the second mechanism alone');
  t.deepEqual(
    summary.rounds.map(({ status }) => status),
    ['complete', 'complete'],
  );
  const [first] = cut.manifest.mechanisms;
  t.is(first?.status, 'complete');
  t.deepEqual(now.manifest.mechanisms[0], first);
  t.deepEqual(now.manifest.resumed_from, {
    folder: join(out, 'round-2-part-1'),
    started_at: cut.manifest.started_at,
    mechanisms: [first?.name],
  });
  for (const file of ['operations', 'invocations', 'memory', 'load', 'decisions'] as const) {
    const of = (lines: readonly { mechanism: string }[]): unknown[] =>
      lines.filter(({ mechanism }) => mechanism === first?.name);
    t.deepEqual(of(now[file]), of(cut[file]), file);
  }
  t.is(now.invocations.length, ROUND_CALLS);
  t.true(notes.some((one) => /^virtio-mem taken over from .*round-2-part-1$/.test(one)));
});

for (const [title, spoil, told] of [
  [
    'whose sources were others',
    (folder) => {
      const path = join(folder, 'manifest.json');
      writeFileSync(path, readFileSync(path, 'utf8').replaceAll('c0ffee', 'decaf'));
    },
    /cannot be taken over: commit: decaf, now c0ffee/,
  ],
  [
    'of another plan',
    (folder) => {
      const path = join(folder, 'manifest.json');
      const text = readFileSync(path, 'utf8');
      writeFileSync(path, text.replace(/"boot_bytes": \d+/, '"boot_bytes": 128'));
    },
    /cannot be taken over: its plan is another one/,
  ],
  [
    'of a trace whose content was another',
    (folder) => {
      const path = join(folder, 'manifest.json');
      const text = readFileSync(path, 'utf8');
      writeFileSync(path, text.replace(/("inputs": \[[^\]]*"sha256": ")\w+/, '$1decaf'));
    },
    /cannot be taken over: its plan is another one/,
  ],
  [
    "whose VMM's program was another one",
    (folder) => {
      const path = join(folder, 'manifest.json');
      writeFileSync(path, readFileSync(path, 'utf8').replace('"f00d"', '"beef"'));
    },
    /cannot be taken over: the VMM's program .* is another one/,
  ],
  [
    'whose lines are damaged',
    (folder) => {
      const path = join(folder, 'memory.jsonl');
      writeFileSync(path, `{"mechanism":\n${readFileSync(path, 'utf8')}`);
    },
    /cannot be taken over: .*memory\.jsonl/,
  ],
  [
    'that lost a file',
    (folder) => rmSync(join(folder, 'events.jsonl')),
    /cannot be taken over: events\.jsonl is missing/,
  ],
] as const satisfies readonly (readonly [string, Spoil, RegExp])[]) {
  test(`of a round ${title} nothing is taken over: all of it is replayed`, async (t) => {
    const { now, sent_again, notes } = await cutInSecondRound(t, 150, spoil);
    t.is(sent_again, ROUND_CALLS);
    t.is(now.manifest.resumed_from, null);
    t.is(now.invocations.length, ROUND_CALLS);
    t.true(
      notes.some((one) => told.test(one)),
      notes.join('\n'),
    );
  });
}

test('rounds of other options are not gone on with', async (t) => {
  const { runRounds } = rig(t);
  await runRounds(1);
  const error = await t.throwsAsync(runRounds(2, { 'keep-alive': '60' }), {
    instanceOf: HotplaneError,
  });
  t.is(error.code, 'HP_REPLAY_ROUNDS');
  t.regex(error.message, /round-1 is a round of another run: --keep-alive: 120, now 60/);
});

test('a folder that holds a run takes no rounds', async (t) => {
  const { out, runRounds } = rig(t);
  mkdirSync(out);
  writeFileSync(join(out, 'manifest.json'), '{}');
  await t.throwsAsync(runRounds(2), { instanceOf: HotplaneError, code: 'HP_RESULTS_EXIST' });
});

test('a round that fails is kept and named, and the next has its turn', async (t) => {
  let is_broken = true;
  const { out, runRounds, notes } = rig(t, {
    failDeploy: () => (is_broken ? new Error('the guest never said hello') : null),
  });
  const run = runRounds(2);
  await t.throwsAsync(run, { instanceOf: HotplaneError, code: 'HP_REPLAY_AGENT' });
  t.true(notes.some((one) => one.startsWith('round 1 of 2 is not complete')));
  const told = readFileSync(join(out, 'rounds.json'), 'utf8').match(/"status": "failed"/g);
  t.is(told?.length, 2);
  is_broken = false;
  const again = await runRounds(2);
  t.true(again.rounds.every(({ status }) => status === 'complete'));
});

test('the time left counts windows to come, and what came beside those so far', (t) => {
  const moment = { elapsed_ms: 4_000, window_ms: 10_000, later: 1, of: 2 };
  const left = new TimeLeft(3);
  t.is(left.ms(moment), 6_000 + 7 * 10_000);
  left.took(12_500, 10_000);
  t.is(left.ms(moment), 6_000 + 7 * 12_500);
  t.is(left.ms({ ...moment, elapsed_ms: 11_000, later: 0 }), 6 * 12_500);
  t.is(new TimeLeft(0, left.beside_ms).ms({ ...moment, later: 0, elapsed_ms: 10_001 }), 0);
});

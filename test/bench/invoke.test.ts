/**
 * Goal: the figures of `hotplane bench invoke` are what the replies of an agent say.
 * Method: replies made up here, with stamps chosen so that every figure can be told by hand.
 */
import test from 'ava';
import type { Invocation } from '../../autoscaler/replay/agent-api.ts';
import { hostClock } from '../../base/clock.ts';
import { MIB } from '../../base/units.ts';
import { isHotplaneError } from '../../base/errors.ts';
import { fireBurst } from '../../bench/invoke/burst.ts';
import { parseInvokeOptions, type RawInvokeOptions } from '../../bench/invoke/options.ts';
import { burstsOf, specOf } from '../../bench/invoke/plan.ts';
import { pathCallOf } from '../../bench/invoke/path/stages.ts';
import { summarizePath } from '../../bench/invoke/path/summary.ts';
import { pathTable } from '../../bench/invoke/path/table.ts';
import { perStage, STAGES, stagesOf, type StartLine } from '../../bench/invoke/stages.ts';
import { summarizeStarts } from '../../bench/invoke/summary.ts';
import { renderSummary } from '../../bench/invoke/table.ts';
import { EMPTY_REPLY } from '../autoscaler/empty-messages.ts';

const RAW: RawInvokeOptions = {
  mechanism: 'static,virtio-mem,hotmem',
  starts: '1,4',
  rounds: '2',
  vcpus: '2',
  path: false,
};

test('mechanisms take turns, and every second round runs backwards', (t) => {
  const bursts = burstsOf(parseInvokeOptions(RAW));
  const words = bursts.map(({ mechanism, starts }) => `${mechanism} ${starts}`);
  const half = words.length / 2;
  t.deepEqual(words.slice(0, 3), ['static 1', 'virtio-mem 1', 'hotmem 1']);
  t.deepEqual(words.slice(half), words.slice(0, half).toReversed());
  t.deepEqual(
    bursts.map(({ burst }) => burst),
    words.map((_, index) => index + 1),
  );
  t.is(specOf('numa', parseInvokeOptions(RAW)).concurrency, 4);
});

const BAD: readonly (readonly [keyof RawInvokeOptions, string])[] = [
  ['mechanism', 'balloon'],
  ['mechanism', 'hotmem,hotmem'],
  ['mechanism', ''],
  ['starts', '0'],
  ['starts', '65'],
  ['starts', '1,x'],
  ['starts', '1e1'],
  ['rounds', '0'],
  ['rounds', '1.5'],
  ['rounds', '101'],
  ['vcpus', '-1'],
];
for (const [option, text] of BAD) {
  test(`--${option} '${text}' is refused with the option's name`, (t) => {
    const error = t.throws(() => parseInvokeOptions({ ...RAW, [option]: text }));
    t.true(isHotplaneError(error) && error.code === 'HP_BENCH_OPTION');
    t.regex(error?.message ?? '', new RegExp(`^--${option}: `));
    t.regex(isHotplaneError(error) ? error.next : '', /bench invoke/);
  });
}

const REPLY: Invocation = {
  ...EMPTY_REPLY,
  outcome: 'done',
  cold: true,
  received_at_ms: 1_001,
  created_at_ms: 1_002,
  sandbox_at_ms: 1_010,
  plugged_at_ms: 1_020,
  attached_at_ms: 1_021,
  instance_ready_at_ms: 1_030,
  assigned_at_ms: 1_031,
  first_byte_at_ms: 1_033,
};

test('stages count from the request, and one that was not reached has no time', (t) => {
  const stages = stagesOf({ ...REPLY, plugged_at_ms: null }, 1_000);
  t.deepEqual(
    STAGES.map((stage) => stages[stage]),
    [1, 2, 10, null, 21, 30, 31, 33],
  );
});

/** A burst whose instances are told at these times. */
function told(mechanism: string, burst: number, at_ms: readonly number[]): StartLine[] {
  return at_ms.map((ms) => ({
    burst,
    mechanism,
    starts: at_ms.length,
    stages_ms: perStage(() => ms),
  }));
}

test('first, last and ratios of a burst are those of its own run', (t) => {
  const lines = [
    ...told('static', 1, [10]),
    ...told('hotmem', 2, [20]),
    ...told('static', 3, [12, 30, 40, 50]),
    ...told('virtio-mem', 4, [30, 60, 60, 100]),
    ...told('hotmem', 5, [50, 60, 60, 70]),
  ];
  const { bursts, checks } = summarizeStarts(lines, parseInvokeOptions(RAW));
  const hotmem = bursts.find(({ mechanism, starts }) => mechanism === 'hotmem' && starts === 4);
  t.like(hotmem, { first_ms: { median: 50 }, last_ms: { median: 70 } });
  t.is(hotmem?.first_over_lone?.ratio, 2.5);
  t.is(hotmem?.last_over_static?.ratio, 1.4);
  t.is(hotmem?.median_over_stock?.ratio, 1);
  const verdicts = Object.fromEntries(checks.map(({ name, verdict }) => [name, verdict]));
  t.deepEqual(verdicts, {
    'invoke-static-4-first': 'met',
    'invoke-virtio-mem-4-first': 'not measured',
    'invoke-virtio-mem-4-last': 'missed',
    'invoke-hotmem-4-first': 'missed',
    'invoke-hotmem-4-last': 'met',
    'invoke-hotmem-4-stock': 'met',
  });
  t.regex(renderSummary({ bursts, checks }), /hotmem +50 ms \[50-50\] +2\.5x/);
});

function agentOf(replies: readonly Partial<Invocation>[]) {
  const calls: string[] = [];
  let next = 0;
  return {
    calls,
    invoke: async () => {
      calls.push('invoke');
      next += 1;
      const at_ms = hostClock.nowMs();
      return {
        ...REPLY,
        answer: null,
        received_at_ms: at_ms,
        assigned_at_ms: at_ms,
        ...replies[next - 1],
      };
    },
    drain: async () => {
      calls.push('drain');
      return { finished_at_ms: 0, instances_stopped: next };
    },
  };
}

const PLAN = { burst: 1, round: 1, mechanism: 'hotmem', starts: 2 } as const;
const SIGNAL = new AbortController().signal;

test('a burst drains what it started, and leaves out what met a warm instance', async (t) => {
  const api = agentOf([{}, { cold: false }]);
  const { lines, warm } = await fireBurst(api, PLAN, hostClock, SIGNAL);
  t.deepEqual(api.calls, ['invoke', 'invoke', 'drain']);
  t.is(lines.length, 1);
  t.is(warm, 1);
});

test('a start that failed ends the bench with its reason, after the drain', async (t) => {
  const api = agentOf([{}, { outcome: 'refused', error_code: 'HP_AGENT_NO_PERMIT', reason: 'no' }]);
  const error = await t.throwsAsync(fireBurst(api, PLAN, hostClock, SIGNAL));
  t.true(isHotplaneError(error) && error.code === 'HP_BENCH_START');
  t.regex(error?.message ?? '', /hotmem, 2 starts: HP_AGENT_NO_PERMIT/);
  t.is(api.calls.at(-1), 'drain');
});

test('the time of a call is cut into stages; one that the record does not tell is unknown', (t) => {
  const stamps = { received_at_ms: 10, finished_at_ms: 20, guest_wall_ms: 3 };
  const reply = { ...EMPTY_REPLY, ...stamps };
  t.deepEqual(pathCallOf(reply, 8, 25), {
    taken_ms: 15,
    asked_ms: 17,
    stages_ms: { to_program: 7, program: 3, to_caller: 5 },
  });
  const cut = pathCallOf({ ...reply, guest_wall_ms: null }, 8, 25).stages_ms;
  t.deepEqual(cut, { to_program: null, program: null, to_caller: 5 });
});

test('the way of a call is held against the channel of the same run', (t) => {
  const stages_ms = { to_program: 5, program: 2, to_caller: null };
  const tookMs = (ms: number) => ({ taken_ms: ms, asked_ms: ms, stages_ms });
  const times = {
    ping_ms: [10, 11, 12],
    calls: [11, 12, 13].map(tookMs),
    sent_ms: [400, 500, 600],
    hops_ms: [2, 3, 4],
    echoes: [1_900, 2_000, 2_100].map(tookMs),
    large_bytes: 6 * MIB,
  };
  const path = summarizePath(times);
  t.is(path.sent_mib_per_second?.median, 12);
  t.is(path.echo_mib_per_second?.median, 6, 'there and back');
  t.deepEqual(
    path.checks.map(({ name, measured, verdict }) => ({ name, measured, verdict })),
    [
      { name: 'invoke-path-round-trip', measured: 1.090909, verdict: 'met' },
      { name: 'invoke-path-rate', measured: 0.5, verdict: 'met' },
    ],
  );
  const slow = summarizePath({ ...times, calls: [tookMs(20)], echoes: [tookMs(2_100)] });
  t.deepEqual(
    slow.checks.map(({ verdict }) => verdict),
    ['missed', 'missed'],
  );
  t.regex(renderSummary({ bursts: [], checks: path.checks }, [pathTable(path)]), /6 MiB\/s/);
  t.is(path.floor_times, 1.272727);
  t.like(path.call_stages, { to_program: { median: 5 }, to_caller: null });
  const none = summarizePath({ ...times, ping_ms: [], sent_ms: [] });
  t.deepEqual(
    none.checks.map(({ verdict }) => verdict),
    ['not measured', 'not measured'],
  );
});

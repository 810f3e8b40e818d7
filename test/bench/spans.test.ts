/**
 * Goal: the figures of `hotplane bench spans` are what the agent's records, the program and the
 * bench's own looks say.
 * Method: records made up here, with stamps chosen so that every figure can be told by hand; and
 * the whole measurement over an agent whose VMs are simulated by the test.
 */
import test from 'ava';
import type { Operation } from '../../agent/model/records.ts';
import { isHotplaneError } from '../../base/errors.ts';
import { KIB, MIB } from '../../base/units.ts';
import { spansChecks } from '../../bench/spans/checks.ts';
import { summarizeSpans } from '../../bench/spans/figures.ts';
import { heldBytes } from '../../bench/spans/held.ts';
import { spanOperations } from '../../bench/spans/measure.ts';
import { parseSpansOptions, type RawSpansOptions } from '../../bench/spans/options.ts';
import { spansSpecOf, spansWorkOf } from '../../bench/spans/plan.ts';
import type { SpansLine, SpansRun } from '../../bench/spans/records.ts';
import { EMPTY_OPERATION } from '../autoscaler/empty-messages.ts';

const RAW: RawSpansOptions = { size: '64MiB', times: '100', touch: '50' };
const OPTIONS = parseSpansOptions(RAW);

test('what is measured is one invocation each, of as much memory', (t) => {
  t.deepEqual(OPTIONS, { span_bytes: 64 * MIB, times: 100, touch_bytes: 32 * MIB });
  const { spans, phases } = spansWorkOf('hotmem', OPTIONS);
  t.is(phases, undefined);
  t.like(spans?.[0], { bytes: 64 * MIB, touch_bytes: 32 * MIB, times: 100 });
  t.like(spansSpecOf('hotmem', OPTIONS), { limit_bytes: 128 * MIB, max_vms: 1 });
  t.deepEqual(spansSpecOf('hotmem', OPTIONS).spans, [
    { name: 'data', max_bytes: 64 * MIB, host_node: null },
  ]);
  const base = spansWorkOf('static', OPTIONS);
  t.is(base.spans, undefined);
  t.is(base.phases?.length, 16, '8 times, of 100');
  t.deepEqual(
    base.phases?.slice(0, 2).map((one) => one.anonymous_bytes),
    [36 * MIB, 4 * MIB],
  );
  t.like(spansSpecOf('static', OPTIONS), { limit_bytes: 192 * MIB, spans: [] });
});

const BAD: readonly (readonly [keyof RawSpansOptions, string])[] = [
  ['size', '1MiB'],
  ['size', 'x'],
  ['times', '0'],
  ['times', '100001'],
  ['times', '1.5'],
  ['touch', '101'],
  ['touch', '-1'],
];
for (const [option, text] of BAD) {
  test(`--${option} '${text}' is refused with the option's name`, (t) => {
    const error = t.throws(() => parseSpansOptions({ ...RAW, [option]: text }));
    t.true(isHotplaneError(error) && error.code === 'HP_BENCH_OPTION');
    t.regex(error?.message ?? '', new RegExp(`^--${option}: `));
  });
}

test('what an emulator has translated is not held by the guest', (t) => {
  const smaps = `7f00-7f01 rw-p 00000000 00:00 0
Size:  8 kB
Rss:                  64 kB
7f02-7f03 rwxp 00000000 00:00 0
Rss:                 512 kB
7f04-7f05 r--p 00000000 fe:01 77 /usr/bin/qemu
Rss:                   4 kB
`;
  t.is(heldBytes(smaps), 68 * KIB);
});

/** One that was said at `at_ms`, heard 1 ms later, decided 0.25 ms, sent 0.25 and there 8 after. */
function opened(at_ms: number, change: Partial<Operation> = {}): Operation {
  return {
    ...EMPTY_OPERATION,
    cause: 'open',
    outcome: 'done',
    wanted_at_ms: at_ms,
    heard_at_ms: at_ms + 1,
    decided_at_ms: at_ms + 1.25,
    requested_at_ms: at_ms + 1.5,
    plugged_at_ms: at_ms + 9.5,
    plugged_bytes: 64 * MIB,
    ...change,
  };
}

/** Asked for at `at_ms`, the VMM has it 5 ms later and the host 7. */
function closed(at_ms: number, change: Partial<Operation> = {}): Operation {
  return {
    ...EMPTY_OPERATION,
    cause: 'close',
    outcome: 'done',
    requested_at_ms: at_ms,
    plugged_at_ms: at_ms + 5,
    resident_at_ms: at_ms + 7,
    resident_before_bytes: 32 * MIB,
    resident_bytes: 0,
    guest_plugged_bytes: null,
    ...change,
  };
}

const LINE: SpansLine = {
  mechanism: 'hotmem',
  times: 100,
  call_ms: 1_000,
  reason: null,
  held: { before: 200 * MIB, most: 240 * MIB, end: 203 * MIB },
  took: Array.from({ length: 100 }, () => ({ open_ms: 12, touch_ms: 30, close_ms: 0.5 })),
  pages_migrated: 0,
  oom_kills: 0,
};
const RUN: SpansRun = {
  lines: [
    {
      ...LINE,
      mechanism: 'static',
      times: 32,
      took: [],
      held: { before: 200 * MIB, most: 232 * MIB, end: 232 * MIB },
    },
    LINE,
  ],
  operations: Array.from({ length: 100 }, (_, index) => [
    opened(index * 100),
    closed(index * 100 + 60, index === 7 ? { resident_before_bytes: 33 * MIB } : {}),
  ]).flat(),
};

test('records are taken as their operations were decided, however late each came', (t) => {
  const first = opened(0);
  const close = closed(60, { decided_at_ms: 59 });
  const second = opened(100);
  const unknown = closed(20, { decided_at_ms: null });
  const other = { ...opened(10), cause: 'start' } as const;
  const operations = [unknown, second, other, close, first];
  t.deepEqual(spanOperations({ operations }), [first, close, second, unknown]);
});

test('opens and closes come to their figures, part by part', (t) => {
  const { open, close, ...rest } = summarizeSpans(RUN);
  t.deepEqual(rest, {
    opened: 100,
    closed: 100,
    failed: 0,
    not_back: 0,
    disagree: 0,
    guest_unseen: 100,
    touched_bytes: [32 * MIB, 33 * MIB],
  });
  for (const [part, ms] of [
    ['told', 1],
    ['behind', 0],
    ['decided', 0.25],
    ['sent', 0.25],
    ['plugged', 8],
    ['handed_over', 2.5],
    ['own', 0.5],
    ['all', 12],
  ] as const) {
    t.deepEqual(open[part], { n: 100, p50_ms: ms, p99_ms: ms, most_ms: ms }, part);
  }
  t.like(close.answered, { n: 100, p50_ms: 0.5 });
  t.like(close.vmm_has_it, { n: 100, p99_ms: 5 });
  t.like(close.host_has_it, { n: 100, p99_ms: 7 });
});

test('an open that comes while the close before goes on is behind it, which is not the agent', (t) => {
  const first = closed(95);
  const { open } = summarizeSpans({
    ...RUN,
    operations: [first, opened(100, { decided_at_ms: 103, requested_at_ms: 104 })],
  });
  t.is(first.resident_at_ms, 102);
  t.like(open.behind, { most_ms: 1 });
  t.like(open.decided, { most_ms: 1 });
  t.like(open.own, { most_ms: 2 });
});

test('an open that was not done leaves nobody knowing which the program was handed', (t) => {
  const operations = [opened(0, { outcome: 'refused', plugged_at_ms: null }), ...RUN.operations];
  const { open, failed } = summarizeSpans({ ...RUN, operations });
  t.is(failed, 1);
  t.deepEqual(open.handed_over, { n: 0, p50_ms: null, p99_ms: null, most_ms: null });
});

function verdictsOf({ lines, operations }: SpansRun): Record<string, string> {
  const checks = spansChecks(summarizeSpans({ lines, operations }), lines);
  return Object.fromEntries(checks.map(({ name, verdict }) => [name, verdict]));
}

const replaced = (index: number, one: Operation): Operation[] => RUN.operations.with(index, one);
const [BASE_LINE = LINE] = RUN.lines;
const MISSED: readonly (readonly [string, SpansRun])[] = [
  ['invocations_failed', { ...RUN, lines: [BASE_LINE, { ...LINE, reason: 'HP_X: no' }] }],
  ['missing', { ...RUN, operations: RUN.operations.slice(1) }],
  ['failed', { ...RUN, operations: replaced(0, opened(0, { outcome: 'failed' })) }],
  ['not_back', { ...RUN, operations: replaced(1, closed(60, { resident_bytes: 4 * KIB })) }],
  ['not_back', { ...RUN, operations: replaced(1, closed(60, { resident_bytes: null })) }],
  ['not_back', { ...RUN, operations: replaced(1, closed(60, { plugged_bytes: 2 * MIB })) }],
  [
    'observers',
    {
      ...RUN,
      operations: replaced(1, closed(60, { error_code: 'HP_AGENT_OBSERVERS_DISAGREE' })),
    },
  ],
  ['left', { ...RUN, lines: [BASE_LINE, { ...LINE, held: { ...LINE.held, end: 217 * MIB } }] }],
  ['migrated', { ...RUN, lines: [BASE_LINE, { ...LINE, pages_migrated: 1 }] }],
  ['oom_kills', { ...RUN, lines: [BASE_LINE, { ...LINE, oom_kills: 1 }] }],
  [
    'own_p99',
    { ...RUN, operations: RUN.operations.map((one) => ({ ...one, heard_at_ms: -1_000 })) },
  ],
];

test('all promises are met by the run, those nobody could measure are not', (t) => {
  t.deepEqual(new Set(Object.values(verdictsOf(RUN))), new Set(['met']));
  const nothing = verdictsOf({ lines: [BASE_LINE], operations: [] });
  for (const name of ['missing', 'failed', 'not_back', 'left', 'migrated', 'own_p99']) {
    t.is(nothing[name], 'not measured', name);
  }
});

for (const [index, [name, run]] of MISSED.entries()) {
  test(`the promise ${name} is missed by what breaks it, and alone (${index})`, (t) => {
    const missed = Object.entries(verdictsOf(run)).filter(([, verdict]) => verdict === 'missed');
    t.deepEqual(
      missed.map(([one]) => one),
      [name],
    );
  });
}

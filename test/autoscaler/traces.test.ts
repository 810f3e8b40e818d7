/** Traces of every format that is read: what is in them, what is odd about them, what is wrong. */
import { Buffer } from 'node:buffer';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import { orderOf } from '../../base/number-list.ts';
import { HotplaneError } from '../../base/errors.ts';
import { ColumnsBuilder } from '../../autoscaler/trace/columns.ts';
import { NameTable } from '../../autoscaler/trace/name-table.ts';
import { microsecondsOf } from '../../autoscaler/trace/decimal.ts';
import { OPEN_DEFAULTS, openTrace } from '../../autoscaler/trace/open-trace.ts';
import { ByteScanner } from '../../autoscaler/trace/scanner.ts';
import type { Trace } from '../../autoscaler/trace/trace.ts';
import { holds } from '../seed.ts';

const FOLDER = mkdtempSync(join(tmpdir(), 'hotplane-traces-'));
test.after.always(() => rmSync(FOLDER, { recursive: true, force: true }));
let files = 0;

function fileOf(text: string | Buffer, name = 'trace.csv'): string {
  files += 1;
  const path = join(FOLDER, `${files}-${name}`);
  writeFileSync(path, text);
  return path;
}

async function open(texts: Readonly<Record<string, string>>): Promise<Trace> {
  const paths = Object.entries(texts).map(([name, text]) => fileOf(text, name));
  return await openTrace(paths, OPEN_DEFAULTS);
}

const ARRIVAL = 'arrival_ms,function,duration_ms\n1,f,1\n';
const IDS = 'HashOwner,HashApp,HashFunction';
const INVOCATIONS = (...rows: string[]): string =>
  `${[`${IDS},Trigger,1,2,3`, ...rows].join('\n')}\n`;
const DURATION_HEADER =
  `${IDS},Average,Count,Minimum,Maximum,percentile_Average_0,percentile_Average_1,` +
  'percentile_Average_25,percentile_Average_50,percentile_Average_75,percentile_Average_99,' +
  'percentile_Average_100';
const DURATIONS = (...rows: string[]): string => `${[DURATION_HEADER, ...rows].join('\n')}\n`;
const MEMORY_HEADER =
  'HashOwner,HashApp,SampleCount,AverageAllocatedMb,' +
  [1, 5, 25, 50, 75, 95, 99, 100].map((share) => `AverageAllocatedMb_pct${share}`).join(',');
const MEMORY = (...rows: string[]): string => `${[MEMORY_HEADER, ...rows].join('\n')}\n`;

test('three files of 2019 are one trace: counts become invocations within their minutes', async (t) => {
  const trace = await open({
    'durations.d01.csv': DURATIONS('o,a,f,10,3,5,20,5,6,8,10,12,19,20'),
    'memory.d01.csv': MEMORY('o,a,100,50,10,20,30,40,50,60,70,80'),
    'invocations.d01.csv': INVOCATIONS('o,a,f,http,1,0,2'),
  });
  t.is(trace.format, 'azure2019');
  t.deepEqual(trace.functions, [
    { app: 'a', func: 'f', trigger: 'http', invocations: 3, memory_bytes: 80 * 2 ** 20 },
  ]);
  t.deepEqual(
    [...trace.invocations].map((one) => Math.floor(one.arrival_ms / 60_000)),
    [0, 2, 2],
  );
  t.true([...trace.invocations].every(({ duration_ms }) => duration_ms >= 5 && duration_ms <= 20));
  t.is(trace.inputs?.length, 3);
});

test('days are put in the order of their names, and a day that is missing leaves its time', async (t) => {
  const trace = await open({
    'invocations.d04.csv': INVOCATIONS('o,a,f,http,1,0,0'),
    'invocations.d02.csv': INVOCATIONS('o,a,f,http,0,1,0'),
  });
  const minutes = [...trace.invocations].map((one) => Math.floor(one.arrival_ms / 60_000));
  t.deepEqual(minutes, [1, 2 * 1440]);
});

test('the same seed makes the same invocations of counts, another seed others', async (t) => {
  const path = fileOf(INVOCATIONS('o,a,f,http,5,0,7'));
  const of = async (seed: number): Promise<unknown> => [
    ...(await openTrace([path], { ...OPEN_DEFAULTS, seed })).invocations,
  ];
  t.deepEqual(await of(7), await of(7));
  t.notDeepEqual(await of(7), await of(8));
});

const ODD: readonly (readonly [string, string, number, Readonly<Record<string, string>>])[] = [
  ['negative-count', 'invocations', 1, { i: INVOCATIONS('o,a,f,http,-1,2,0', 'o,a,g,http,1,0,0') }],
  ['fractional-count', 'invocations', 2, { i: INVOCATIONS('o,a,f,http,1.4,2.6,3.0') }],
  ['never-invoked', 'invocations', 1, { i: INVOCATIONS('o,a,f,http,0,0,0', 'o,a,g,http,1,0,0') }],
  ['duplicate-row', 'invocations', 1, { i: INVOCATIONS('o,a,f,http,1,0,0', 'o,a,f,http,9,0,0') }],
  ['missing-minutes', 'invocations', 1, { i: INVOCATIONS('o,a,f,http,1,0,0') }],
  ['no-data', 'invocations', 1, { i: INVOCATIONS('o,a,f,http,1,,0') }],
  ['carriage-returns', 'lines', 2, { i: INVOCATIONS('o,a,f,http,1,0,0').replaceAll('\n', '\r\n') }],
  ['byte-order-mark', 'lines', 1, { i: `\uFEFF${INVOCATIONS('o,a,f,http,1,0,0')}` }],
  [
    'trigger-changes',
    'days',
    1,
    { 'i.d01.': INVOCATIONS('o,a,f,others,1,0,0'), 'i.d02.': INVOCATIONS('o,a,f,http,1,0,0') },
  ],
  [
    'negative-average',
    'durations',
    1,
    { d: DURATIONS('o,a,f,-41700,3,5,20,5,6,8,10,12,19,20'), i: INVOCATIONS('o,a,f,http,3,0,0') },
  ],
  [
    'zero-average',
    'durations',
    1,
    { d: DURATIONS('o,a,f,0,3,0,0,0,0,0,0,0,0,0'), i: INVOCATIONS('o,a,f,http,3,0,0') },
  ],
  [
    'no-extremes',
    'durations',
    1,
    { d: DURATIONS('o,a,f,9,3,0,0,5,6,8,10,12,19,20'), i: INVOCATIONS('o,a,f,http,3,0,0') },
  ],
  [
    'percentiles-not-ascending',
    'durations',
    1,
    { d: DURATIONS('o,a,f,9,3,5,20,5,6,8,7,12,19,20'), i: INVOCATIONS('o,a,f,http,3,0,0') },
  ],
  [
    'no-durations',
    'durations',
    1,
    { d: DURATIONS('o,a,x,9,3,5,20,5,6,8,9,12,19,20'), i: INVOCATIONS('o,a,f,http,3,0,0') },
  ],
  [
    'durations-only',
    'durations',
    1,
    { d: DURATIONS('o,a,x,9,3,5,20,5,6,8,9,12,19,20'), i: INVOCATIONS('o,a,f,http,3,0,0') },
  ],
  [
    'count-differs',
    'durations',
    1,
    { d: DURATIONS('o,a,f,9,8,5,20,5,6,8,9,12,19,20'), i: INVOCATIONS('o,a,f,http,3,0,0') },
  ],
  [
    'nonpositive-memory',
    'memory',
    1,
    {
      m: MEMORY('o,b,1,5,0,20,30,40,50,60,70,80', 'o,a,1,5,1,2,3,4,5,6,7,8'),
      i: INVOCATIONS('o,a,f,http,3,0,0'),
    },
  ],
  [
    'no-memory',
    'memory',
    1,
    { m: MEMORY('o,b,1,5,1,2,3,4,5,6,7,8'), i: INVOCATIONS('o,a,f,http,3,0,0') },
  ],
  ['zero-duration', 'arrivals', 1, { a: 'arrival_ms,function,duration_ms\n1,f,0\n' }],
  ['out-of-order', 'arrivals', 1, { a: 'arrival_ms,function,duration_ms\n5,f,1\n1,f,1\n' }],
  ['negative-start', 'arrivals', 1, { a: 'arrival_ms,function,duration_ms\n-5,f,1\n' }],
  ['blank-end-lines', 'lines', 2, { a: 'arrival_ms,function,duration_ms\n5,f,1\n\n\n' }],
];

for (const [rule, where, count, texts] of ODD) {
  test(`rule ${rule} (${where}) is counted`, async (t) => {
    const trace = await open(texts);
    t.is(trace.rules.find((one) => one.rule === rule)?.count, count);
    t.true(trace.invocations.length > 0);
  });
}

const BAD: readonly (readonly [string, Readonly<Record<string, string>>, string, RegExp])[] = [
  ['an unknown header', { x: 'a,b,c\n1,2,3\n' }, 'HP_TRACE_HEADER', /line 1: expected the header/],
  ['semicolons', { x: 'app;func;end_timestamp;duration\n' }, 'HP_TRACE_HEADER', /found "app;func/],
  [
    'a truncated row',
    { i: INVOCATIONS('o,a,f,http,1,0') },
    'HP_TRACE_ROW',
    /line 2.* has 6 fields/,
  ],
  [
    'decimal commas',
    { a: 'arrival_ms,function,duration_ms\n1,5,f,2\n' },
    'HP_TRACE_ROW',
    /4 fields/,
  ],
  [
    'a quoted name',
    { a: 'arrival_ms,function,duration_ms\n1,"f",2\n' },
    'HP_TRACE_FIELD',
    /quoted/,
  ],
  ['a word', { i: INVOCATIONS('o,a,f,http,1,x,0') }, 'HP_TRACE_FIELD', /line 2, 2: "x" is not a/],
  ['too many', { i: INVOCATIONS('o,a,f,http,1,1e300,0') }, 'HP_TRACE_FIELD', /line 2, 2: .* more/],
  ['only a header', { i: INVOCATIONS() }, 'HP_TRACE_EMPTY', /no rows/],
  [
    'no invocations',
    { d: DURATIONS('o,a,f,9,8,5,20,5,6,8,9,12,19,20') },
    'HP_TRACE_PARTS',
    /named/,
  ],
  ['two minutes alike', { i: `${IDS},Trigger,1,1\no,a,f,h,1,1\n` }, 'HP_TRACE_HEADER', /line 1/],
  ['minute 1441', { i: `${IDS},Trigger,1441\no,a,f,h,1\n` }, 'HP_TRACE_HEADER', /1441/],
  ['a blank row', { i: INVOCATIONS('', 'o,a,f,http,1,0,0') }, 'HP_TRACE_ROW', /line 2.*0 fields/],
  ['a memory word', { m: MEMORY('o,b,1,5,1,2,3,4,5,6,7,x') }, 'HP_TRACE_FIELD', /pct100: "x"/],
  [
    '16 TiB',
    { a: 'arrival_ms,function,duration_ms,memory_mib\n1,f,1,1e9\n' },
    'HP_TRACE_FIELD',
    /1e9/,
  ],
  ['two traces', { a: ARRIVAL, i: INVOCATIONS() }, 'HP_TRACE_PARTS', /whole/],
  [
    'a day of Huawei before',
    { day_1: 'day,time,0\n1,0,1\n0,0,1\n' },
    'HP_TRACE_FIELD',
    /line 3, day/,
  ],
];

for (const [title, texts, code, message] of BAD) {
  test(`${title}: one message that names file and line`, async (t) => {
    const error = await t.throwsAsync(open(texts), { instanceOf: HotplaneError, message });
    t.is(error.code, code);
    t.is(error.exit_code, 2);
    t.true(error.message.startsWith(FOLDER), error.message);
  });
}

test('requests of Huawei: a field without a value is no request, and counted', async (t) => {
  const trace = await open({ 'day_000.csv': 'day,time,0,1\n3,0,2,\n3,60,NaN,1.0\n' });
  t.deepEqual(
    trace.functions.map((one) => [one.func, one.invocations]),
    [
      ['0', 2],
      ['1', 1],
    ],
  );
  t.is(trace.rules.find(({ rule }) => rule === 'no-data')?.count, 2);
});

test('a line of 600 MB is refused after its first 64 KiB', async (t) => {
  let given = 0;
  const piece = Buffer.alloc(1024 * 1024, 'x');
  const scanner = new ByteScanner({
    limit_bytes: 65_536,
    onRow: () => t.fail(),
    onTooLong: (start, line) => {
      throw new RangeError(`${line} ${start.length}`);
    },
  });
  t.throws(
    () => {
      for (; given < 600; given += 1) scanner.push(piece);
    },
    { message: '1 80' },
  );
  t.is(given, 0);
  await Promise.resolve();
});

test('the scanner cuts as splitting text does, however its bytes come', async (t) => {
  const word = fc.stringMatching(/^[ -~é]{0,9}$/).map((text) => text.replaceAll(/[,\r\n]/g, ''));
  // Fields of one digit are cut two at a time, and plain text is passed by fours.
  const digit = fc.stringMatching(/^[/0-9?@+]$/);
  const cell = fc.oneof({ arbitrary: digit, weight: 5 }, word);
  const table = fc.array(fc.array(cell, { minLength: 1, maxLength: 90 }), { minLength: 1 });
  await holds(
    t,
    fc.property(
      table,
      fc.array(fc.integer({ min: 1, max: 70 }), { minLength: 1 }),
      (rows, sizes) => {
        const text = rows.map((row) => row.join(',')).join('\n');
        const bytes = Buffer.from(text);
        const found: string[][] = [];
        const scanner = new ByteScanner({
          limit_bytes: 4_096,
          onRow: (row) => found.push(Array.from({ length: row.fields }, (_, at) => row.text(at))),
          onTooLong: () => t.fail(),
        });
        for (let from = 0, turn = 0; from < bytes.length; turn += 1) {
          const size = sizes[turn % sizes.length] ?? 1;
          // What was pushed is written over: nothing may have been kept of it.
          const chunk = Buffer.from(bytes.subarray(from, from + size));
          scanner.push(chunk);
          chunk.fill(0x2c);
          from += size;
        }
        scanner.end();
        const lines = text.split('\n');
        if (lines.at(-1) === '') lines.pop();
        t.deepEqual(
          found,
          lines.map((line) => line.split(',')),
        );
      },
    ),
  );
});

test('a table of names knows each again, wherever it lies', async (t) => {
  const ending = fc.stringMatching(/^[ab]{0,5}$/);
  // Of long names not all is hashed: what differs may lie between.
  const name = fc
    .tuple(fc.constantFrom('', 'x'.repeat(20)), ending, fc.constantFrom('', '0'.repeat(70)))
    .map((parts) => parts.join(''));
  const named = fc.array(fc.tuple(name, fc.nat({ max: 7 })), { minLength: 1, maxLength: 60 });
  await holds(
    t,
    fc.property(named, (names) => {
      const table = new NameTable();
      const known = new Map<string, number>();
      for (const [text, offset] of names) {
        const bytes = Buffer.from(`${'_'.repeat(offset)}${text},`);
        const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
        const to = offset + text.length;
        t.is(table.find(view, offset, to), known.get(text) ?? -1);
        if (!known.has(text)) known.set(text, table.add(view, offset, to));
        bytes.fill(0);
      }
      t.is(table.size, known.size);
    }),
  );
});

test('columns come out by arrival, equal ones as they came, in order before or not', async (t) => {
  const arrivals = fc.array(fc.integer({ min: -3, max: 9 }), { maxLength: 3_000 });
  await holds(
    t,
    fc.property(arrivals, fc.boolean(), (unsorted, sorts) => {
      const came = sorts ? unsorted.toSorted((a, b) => a - b) : unsorted;
      const builder = new ColumnsBuilder();
      for (const [at, arrival_ms] of came.entries()) builder.add(at, arrival_ms, at / 2);
      const expected = [...came.keys()].toSorted((a, b) => (came[a] ?? 0) - (came[b] ?? 0));
      t.deepEqual(
        [...builder.inOrder()],
        expected.map((at) => ({
          function_index: at,
          arrival_ms: came[at] ?? 0,
          duration_ms: at / 2,
        })),
      );
    }),
  );
});

const microsecondsIn = (text: string): number => microsecondsOf(Buffer.from(text), 0, text.length);

test('a number of seconds is its own digits, rounded to the microsecond', (t) => {
  for (const [text, expected] of [
    ['0', 0],
    ['12', 12e6],
    ['0.0794909000396728515625', 79_491],
    ['1209599.9999996', 1_209_600e6],
    ['1.5e3', 1_500e6],
    ['00012.5', 12_500_000],
  ] as const) {
    t.is(microsecondsIn(text), expected, text);
  }
  for (const text of ['', '.', '1.', '.5', '-1', '1,5', '0x1', 'NaN', ' 1'])
    t.true(Number.isNaN(microsecondsIn(text)), text);
});

test('more than 65,536 values are ordered as few are, equal ones as they came', (t) => {
  const values = Float64Array.from({ length: 70_000 }, (_, at) => ((at * 7_919) % 1_003) - 500.5);
  values[3] = -0;
  values[9] = 0;
  const order = orderOf(values);
  const expected = [...values.keys()].toSorted(
    (a, b) => (values[a] ?? 0) - (values[b] ?? 0) || a - b,
  );
  t.deepEqual([...order], expected);
});

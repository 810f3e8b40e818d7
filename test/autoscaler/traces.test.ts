/** Traces of every format that is read: what is in them, what is odd about them, what is wrong. */
import { Buffer } from 'node:buffer';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import test from 'ava';
import { HotplaneError } from '../../base/errors.ts';
import { OPEN_DEFAULTS, openTrace } from '../../autoscaler/trace/open-trace.ts';
import type { Trace } from '../../autoscaler/trace/trace.ts';

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

test('a file that is named twice is refused: its invocations would count twice', async (t) => {
  const path = fileOf(INVOCATIONS('o,a,f,http,5,0,7'));
  const again = join(FOLDER, 'no', '..', basename(path));
  const error = await t.throwsAsync(openTrace([path, again], OPEN_DEFAULTS), {
    instanceOf: HotplaneError,
    message: `${again}: is named twice.`,
  });
  t.is(error.code, 'HP_TRACE_PARTS');
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
  [
    'missing-days',
    'days',
    2,
    { 'i.d05.': INVOCATIONS('o,a,f,http,1,0,0'), 'i.d02.': INVOCATIONS('o,a,f,http,1,0,0') },
  ],
  ['missing-days', 'Huawei', 3, { day_000: 'day,time,0\n3,0,1\n5,0,1\n8,0,1\n' }],
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
  [
    'two files of one day',
    { 'i.d03.a': INVOCATIONS('o,a,f,http,1,0,0'), 'i.d03.b': INVOCATIONS('o,a,f,http,1,0,0') },
    'HP_TRACE_PARTS',
    /i\.d03\.b: is of a day of which another file was named/,
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

test('a file that is packed or no UTF-8 is named as what it is, with how to read it', async (t) => {
  const text = 'app,func,end_timestamp,duration\na,f,2,1\n';
  const zip = Buffer.from('PK\u0003\u0004 and more');
  for (const [name, bytes, told, how] of [
    ['a.csv.gz', gzipSync(text), 'compressed with gzip', '<(zcat FILE)'],
    ['a.csv.zst', zstdCompressSync(text), 'compressed with zstd', '<(zstdcat FILE)'],
    ['a.zip', zip, 'a zip archive', '<(unzip -p FILE)'],
    ['a.rar', Buffer.from('Rar!\u001a\u0007'), 'a RAR archive', '<(bsdtar -xOf FILE)'],
    ['a.csv', Buffer.from(`\uFEFF${text}`, 'utf16le'), 'UTF-16', '<(iconv -f UTF-16'],
  ] as const) {
    const path = fileOf(bytes, name);
    const error = await t.throwsAsync(openTrace([path], OPEN_DEFAULTS), {
      instanceOf: HotplaneError,
      code: 'HP_TRACE_HEADER',
      message: `${path} line 1: the file is ${told}, no text in UTF-8.`,
    });
    t.true(error.next.includes(how), error.next);
  }
});

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

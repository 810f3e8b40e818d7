import { Buffer } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import fc from 'fast-check';
import { AZURE2021_HEADER, parseAzure2021 } from '../../autoscaler/trace/azure2021.ts';
import { readAzure2021 } from '../../autoscaler/trace/azure2021.ts';
import { selectMostInvoked } from '../../autoscaler/trace/select.ts';
import type { Trace, TraceInvocation } from '../../autoscaler/trace/trace.ts';
import { HotplaneError } from '../../base/errors.ts';
import { holds } from '../seed.ts';

const SAMPLE = fileURLToPath(
  new URL('../../autoscaler/traces/azure2021/sample_200.csv', import.meta.url),
);

async function parse(text: string): Promise<Trace> {
  return await parseAzure2021([Buffer.from(text)], 'trace.csv');
}

const rows = (...lines: string[]): string => `${[AZURE2021_HEADER, ...lines].join('\n')}\n`;

test('the bundled piece of the 2021 trace is read as published', async (t) => {
  const trace = await readAzure2021(SAMPLE);
  t.is(trace.quality.rows, 199);
  t.is(trace.quality.functions, 31);
  t.is(trace.quality.apps, 13);
  t.is(trace.input.bytes, 30_791);
  t.is(trace.input.sha256.length, 64);
  t.is(trace.quality.out_of_order_rows, 0, 'this piece happens to be in order of arrival');
  const arrivals = [...trace.invocations].map((one) => one.arrival_ms);
  t.deepEqual(
    arrivals,
    arrivals.toSorted((a, b) => a - b),
  );
});

test('arrival is end minus duration, in milliseconds, and may lie before 0', async (t) => {
  const trace = await parse(rows('a,f,10.5,2.25', 'a,f,0.5,0.75', 'a,g,3,0'));
  t.deepEqual(
    [...trace.invocations].map((one) => [one.arrival_ms, one.duration_ms]),
    [
      [-250, 750],
      [3000, 0],
      [8250, 2250],
    ],
  );
  t.like(trace.quality, {
    rows: 3,
    zero_durations: 1,
    negative_starts: 1,
    out_of_order_rows: 1,
    first_arrival_ms: -250,
    span_ms: 10_750,
  });
});

test('functions of one name in two apps are two functions', async (t) => {
  const trace = await parse(rows('a,f,1,0', 'b,f,2,0', 'a,f,3,0'));
  t.deepEqual(
    trace.functions.map((one) => [one.app, one.func, one.invocations]),
    [
      ['a', 'f', 2],
      ['b', 'f', 1],
    ],
  );
});

test('equal arrivals keep the order of the file', async (t) => {
  const trace = await parse(rows('a,f,2,1', 'b,f,1,0', 'c,f,1.5,0.5'));
  t.deepEqual(
    [...trace.invocations].map((one) => trace.functions[one.function_index]?.app),
    ['a', 'b', 'c'],
  );
});

for (const [title, text] of [
  ['Windows line ends', rows('a,f,1,0.5').replaceAll('\n', '\r\n')],
  ['a missing last line end', rows('a,f,1,0.5').trimEnd()],
  ['a byte order mark', `\uFEFF${rows('a,f,1,0.5')}`],
  ['exponents', rows('a,f,1e0,5.0E-1')],
] as const) {
  test(`${title} are accepted`, async (t) => {
    const trace = await parse(text);
    t.like(trace.invocations.at(0), { arrival_ms: 500, duration_ms: 500 });
  });
}

const BAD: readonly (readonly [string, string, string, RegExp])[] = [
  ['an empty file', '', 'HP_TRACE_HEADER', /expected the header/],
  ['another header', 'a,b\n1,2\n', 'HP_TRACE_HEADER', /found "a,b"/],
  ['the 2019 header', 'HashOwner,HashApp,HashFunction\n', 'HP_TRACE_HEADER', /line 1/],
  ['a header and nothing else', rows(), 'HP_TRACE_EMPTY', /no rows/],
  ['three fields', rows('a,f,1,0', 'a,f,1'), 'HP_TRACE_ROW', /line 3, row: "a,f,1" has 3 fields/],
  ['five fields', rows('a,f,1,0,9'), 'HP_TRACE_ROW', /has 5 fields instead of 4/],
  ['an empty line', rows('a,f,1,0', '', 'a,f,2,0'), 'HP_TRACE_ROW', /line 3.*has 0 fields/],
  ['an empty name', rows('a,,1,0'), 'HP_TRACE_FIELD', /line 2, func: "" is empty/],
  ['a negative end', rows('a,f,-1,0'), 'HP_TRACE_FIELD', /end_timestamp: "-1" is negative/],
  ['a negative duration', rows('a,f,1,-0.5'), 'HP_TRACE_FIELD', /duration: "-0.5" is negative/],
  ['a word', rows('a,f,1,fast'), 'HP_TRACE_FIELD', /duration: "fast" is not a number/],
  ['an empty number', rows('a,f,1,'), 'HP_TRACE_FIELD', /duration: "" is not a number/],
  ['a hex number', rows('a,f,0x10,1'), 'HP_TRACE_FIELD', /end_timestamp: "0x10" is not/],
  ['not a number', rows('a,f,NaN,1'), 'HP_TRACE_FIELD', /"NaN" is not a number/],
  ['infinity', rows('a,f,1e999,1'), 'HP_TRACE_FIELD', /"1e999" is not a number/],
  ['a name of 5,000 bytes', rows(`${'n'.repeat(5_000)},f,1,1`), 'HP_TRACE_FIELD', /app.*\(5000\)/],
  ['a long function', rows(`a,${'é'.repeat(600)},1,1`), 'HP_TRACE_FIELD', /func: .*\(1200\)/],
  ['a time beyond all time', rows('a,f,1e12,1'), 'HP_TRACE_FIELD', /more than 9999999999 sec/],
  ['a duration beyond it', rows('a,f,1,1e300'), 'HP_TRACE_FIELD', /duration: "1e300" is more/],
  ['a line without end', rows(`a,f,1,${'9'.repeat(70_000)}`), 'HP_TRACE_ROW', /more than 65536/],
];

for (const [title, text, code, message] of BAD) {
  test(`${title}: one message that names line, column and value`, async (t) => {
    const error = await t.throwsAsync(parse(text), { instanceOf: HotplaneError, message });
    t.is(error.code, code);
    t.is(error.exit_code, 2);
    t.true(error.next.length > 10);
  });
}

test('a missing file and a folder are told apart, without a stack of causes', async (t) => {
  const missing = await t.throwsAsync(readAzure2021('/nowhere/trace.csv'), {
    instanceOf: HotplaneError,
  });
  t.is(missing.code, 'HP_TRACE_MISSING');
  const folder = await t.throwsAsync(readAzure2021('/'), { instanceOf: HotplaneError });
  t.is(folder.code, 'HP_TRACE_UNREADABLE');
});

test('empty lines at the end are no rows; one between rows is named', async (t) => {
  for (const end of ['', '\n', '\n\n\n', '\r\n\r\n', '\n  \n', '\n\n   ']) {
    const text = `${AZURE2021_HEADER}\na,f,1,0\nb,f,2,0${end}`;
    t.is((await parse(text)).invocations.length, 2, JSON.stringify(end));
  }
  await t.throwsAsync(parse(rows('a,f,1,0', '', '', 'b,f,2,0')), { message: /line 3, row.* 0 / });
  await t.throwsAsync(parse(`${AZURE2021_HEADER}\n\n`), { message: /no rows/ });
});

function rowWith(byte: number): Buffer {
  return Buffer.concat([Buffer.from('a\u00e9,f'), Buffer.from([byte]), Buffer.from(',1,0\n')]);
}

test('names that differ only in bytes that are no UTF-8 are two functions', async (t) => {
  const bytes = [
    Buffer.from(`${AZURE2021_HEADER}\n`),
    rowWith(0xff),
    rowWith(0xfe),
    rowWith(0xff),
    rowWith(0xe9),
  ];
  const trace = await parseAzure2021([Buffer.concat(bytes)], 'x');
  t.deepEqual(
    trace.functions.map((one) => one.invocations),
    [2, 1, 1],
  );
  t.is(new Set(trace.functions.map((one) => one.func)).size, 3);
  t.true(
    trace.functions.every((one) => one.app === 'a\u00e9'),
    'what is UTF-8 stays what it is',
  );
  const kept = JSON.stringify(trace.functions);
  t.deepEqual(JSON.parse(kept), trace.functions, 'and a manifest keeps them apart');
});

test('a row that the agent would not take is found at reading, with its line', async (t) => {
  const text = rows('a,f,1,0', 'a,f,900000,604801');
  const parsing = parseAzure2021([Buffer.from(text)], 'x', { longest_duration_ms: 604_800_000 });
  const error = await t.throwsAsync(parsing, { instanceOf: HotplaneError });
  t.is(error.exit_code, 2);
  t.regex(
    error.message,
    /line 3, duration: "604801" is longer than an invocation may take, 604800 s/,
  );
});

test('however the bytes are cut into chunks, the trace is the same', async (t) => {
  const name = fc.stringMatching(/^[a-zé0-9]{1,6}$/);
  const row = fc.record({ app: name, func: name, end: fc.nat(10_000), duration: fc.nat(20_000) });
  await holds(
    t,
    fc.asyncProperty(
      fc.array(row, { minLength: 1, maxLength: 30 }),
      fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 50 }),
      fc.boolean(),
      async (list, sizes, windows) => {
        const text = rows(...list.map((r) => `${r.app},${r.func},${r.end / 8},${r.duration / 16}`));
        const bytes = Buffer.from(windows ? text.replaceAll('\n', '\r\n') : text);
        const whole = await parseAzure2021([bytes], 'x');
        const cut = await parseAzure2021(chunksOf(bytes, sizes), 'x');
        t.deepEqual(cut, whole);
        t.is(whole.invocations.length, list.length);
      },
    ),
  );
});

function* chunksOf(bytes: Buffer, sizes: readonly number[]): Iterable<Buffer> {
  for (let from = 0, turn = 0; from < bytes.length; turn += 1) {
    const size = sizes[turn % sizes.length] ?? 1;
    yield bytes.subarray(from, from + size);
    from += size;
  }
}

test('the most invoked functions are selected, ties by name, rows stated', async (t) => {
  const trace = await parse(rows('b,f,1,0', 'a,g,2,0', 'a,f,3,0', 'c,f,4,0', 'c,f,5,0'));
  const selection = selectMostInvoked(trace, 3);
  t.deepEqual(
    selection.functions.map((one) => [one.rank, one.app, one.func]),
    [
      [1, 'c', 'f'],
      [2, 'a', 'f'],
      [3, 'a', 'g'],
    ],
  );
  t.is(selection.rows_used, 4);
  t.is(selection.rows_total, 5);
  t.deepEqual(
    selection.invocations.map((one) => one.function_index),
    [2, 1, 0, 0],
  );
});

test('more functions than the trace has is refused with both numbers', async (t) => {
  const trace = await parse(rows('a,f,1,0'));
  const error = t.throws(() => selectMostInvoked(trace, 2), { instanceOf: HotplaneError });
  t.is(error.code, 'HP_TRACE_TOO_FEW_FUNCTIONS');
  t.deepEqual(error.details, { asked: 2, found: 1 });
});

test('by application: all its functions are one, and the rows stay the same', async (t) => {
  const trace = await parse(rows('b,f,1,0', 'a,g,2,0', 'a,f,3,0', 'c,f,4,0', 'a,f,5,0'));
  const selection = selectMostInvoked(trace, 2, 'app');
  t.deepEqual(
    selection.functions.map((one) => [one.rank, one.app, one.func, one.invocations]),
    [
      [1, 'a', '*', 3],
      [2, 'b', '*', 1],
    ],
  );
  t.deepEqual(
    selection.invocations.map((one) => [one.function_index, one.arrival_ms]),
    [
      [1, 1000],
      [0, 2000],
      [0, 3000],
      [0, 5000],
    ],
  );
  t.throws(() => selectMostInvoked(trace, 4, 'app'), { message: /4 applications .* has 3/ });
});

const PIECES = new URL('../../autoscaler/traces/azure2021/', import.meta.url);

function piece(name: string): string[] {
  return readFileSync(new URL(name, PIECES), 'utf8').trimEnd().split('\n');
}

/** At least five rows, whose median runs for a second or longer. */
function isLong(app_rows: readonly string[]): boolean {
  const sorted = app_rows.map((row) => Number(row.split(',')[3])).toSorted((a, b) => a - b);
  return sorted.length >= 5 && (sorted[Math.floor(sorted.length / 2)] ?? 0) >= 1;
}

test('the piece of the quickstart is what its rule picks out of the published piece', (t) => {
  const [header, ...all] = piece('sample_200.csv');
  const durations_s = Map.groupBy(all, (row) => row.split(',')[0] ?? '');
  const chosen = all.filter((row) => isLong(durations_s.get(row.split(',')[0] ?? '') ?? []));
  t.deepEqual(piece('four_apps.csv'), [header, ...chosen]);
});

test('the piece of the quickstart has many starts and ends at moments of their own', async (t) => {
  const trace = await readAzure2021(fileURLToPath(new URL('four_apps.csv', PIECES)));
  const { functions, invocations } = selectMostInvoked(trace, 4, 'app');
  t.is(functions.length, 4);
  const keep_alive_ms = 30_000;
  const expiries_ms = functions.flatMap((_, index) => {
    const own = invocations.filter((one) => one.function_index === index);
    return expiries(own, keep_alive_ms);
  });
  t.true(expiries_ms.length >= 50, `${expiries_ms.length} unplugs`);
  const sorted = expiries_ms.toSorted((a, b) => a - b);
  const apart = sorted.filter((at_ms, index) => at_ms - (sorted[index - 1] ?? -1e9) > 5000);
  t.true(apart.length >= 30, `${apart.length} moments`);
});

/** When instances end, if the idle one used last serves the next call. */
function expiries(invocations: readonly TraceInvocation[], keep_alive_ms: number): number[] {
  const ended: number[] = [];
  let idle_from_ms: number[] = [];
  for (const { arrival_ms, duration_ms } of invocations) {
    const gone = idle_from_ms.filter((from_ms) => from_ms + keep_alive_ms < arrival_ms);
    ended.push(...gone.map((from_ms) => from_ms + keep_alive_ms));
    idle_from_ms = idle_from_ms.filter((from_ms) => from_ms + keep_alive_ms >= arrival_ms);
    const last_ms = Math.max(...idle_from_ms.filter((from_ms) => from_ms <= arrival_ms));
    if (Number.isFinite(last_ms)) idle_from_ms.splice(idle_from_ms.indexOf(last_ms), 1);
    idle_from_ms.push(arrival_ms + duration_ms);
  }
  return [...ended, ...idle_from_ms.map((from_ms) => from_ms + keep_alive_ms)];
}

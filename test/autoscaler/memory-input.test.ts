import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAgentCgroup, readAgentCgroup } from '../../autoscaler/trace/agentcgroup.ts';
import { readAzure2019Memory } from '../../autoscaler/trace/azure2019-memory.ts';
import { MADE_SERIES, makeApps, makeSeries } from '../../autoscaler/trace/made-series.ts';
import {
  averageOf,
  invocationOf,
  MEMORY_SHARES,
  memoryAt,
  type MemorySeries,
  peakOf,
} from '../../autoscaler/trace/memory-series.ts';
import { MIB } from '../../base/units.ts';
import { holds } from '../seed.ts';

function tempFolder(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'hotplane-test-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const sample = (epoch: unknown, mem_usage: unknown): object => ({ epoch, mem_usage });
const textOf = (...samples: readonly unknown[]): string => JSON.stringify({ samples });
const GOOD = sample(100, '12.18MB / 134.5GB');

test('a series of AgentCgroup becomes phases from its first sample on', (t) => {
  const text = textOf(
    sample(100.25, '12.18MB / 134.5GB'),
    sample(101.25, '185.7MB / 134.5GB'),
    sample(102.3, '185.7MB / 134.5GB'),
    sample(103.5, '1.5GiB / 134.5GB'),
  );
  t.deepEqual(parseAgentCgroup(text, 'a.json'), {
    name: 'a.json',
    phases: [
      { at_ms: 0, anonymous_bytes: 12_180_000 },
      { at_ms: 1000, anonymous_bytes: 185_700_000 },
      { at_ms: 3250, anonymous_bytes: 1536 * MIB },
    ],
    duration_ms: 4450,
  });
});

for (const [usage, bytes] of [
  ['0B / 0B', 0],
  ['17B', 17],
  ['1.5kB / 1GB', 1500],
  ['1.5KiB / 1GB', 1536],
  ['2GB / 4GB', 2e9],
] as const) {
  test(`"${usage}" is ${bytes} bytes`, (t) => {
    t.is(parseAgentCgroup(textOf(sample(0, usage)), 'a').phases[0]?.anonymous_bytes, bytes);
  });
}

for (const [title, text, says] of [
  ['no JSON', '{"samples": [', 'a.json: the file is not JSON'],
  ['no object', '[]', 'a.json: samples is not a list'],
  ['samples that are no list', '{"samples": {}}', 'a.json: samples is not a list'],
  ['no samples', textOf(), 'a.json: samples is empty'],
  ['a sample that is none', textOf(GOOD, null), 'samples[1].epoch is not a number of seconds'],
  ['a time that is text', textOf(sample('1', '1MB')), 'samples[0].epoch is not a number'],
  ['a time before 1970', textOf(sample(-1, '1MB')), 'samples[0].epoch is not a number'],
  ['time that goes back', textOf(GOOD, sample(99, '1MB')), 'samples[1].epoch is earlier'],
  ['no usage', textOf(sample(1, undefined)), 'samples[0].mem_usage is not like'],
  ['a unit that is none', textOf(sample(1, '5 pages')), 'samples[0].mem_usage is not like'],
  ['a negative usage', textOf(sample(1, '-5MB / 1GB')), 'samples[0].mem_usage is not like'],
  ['a usage beyond all numbers', textOf(sample(1, '99999999999TB')), 'samples[0].mem_usage'],
] as const) {
  test(`a series with ${title} is refused, with its field`, (t) => {
    const error = t.throws(() => parseAgentCgroup(text, 'a.json'), { code: 'HP_TRACE_SAMPLE' });
    t.true(error?.message.includes(says), error?.message);
  });
}

test('a huge file is refused before it is read to its end', async (t) => {
  const path = join(tempFolder(t), 'resources.json');
  writeFileSync(path, '');
  truncateSync(path, 300 * MIB);
  await t.throwsAsync(readAgentCgroup(path), { code: 'HP_TRACE_TOO_LONG' });
});

test('a file that is not there, and a folder, are refused by name', async (t) => {
  const folder = tempFolder(t);
  for (const read of [readAgentCgroup, readAzure2019Memory]) {
    const missing = await t.throwsAsync(read(join(folder, 'no')), { code: 'HP_TRACE_MISSING' });
    t.true(missing?.message.includes(join(folder, 'no')));
    await t.throwsAsync(read(folder), { code: 'HP_TRACE_UNREADABLE' });
  }
});

const SHARES = MEMORY_SHARES.map((share) => `AverageAllocatedMb_pct${share * 100}`);
const HEADER = ['HashOwner', 'HashApp', 'SampleCount', 'AverageAllocatedMb', ...SHARES].join(',');
const ROW = 'o,a,17235,108,108,108,108,109,109,109,110,110';

function csv(t: ExecutionContext, ...lines: readonly string[]): string {
  const path = join(tempFolder(t), 'memory.csv');
  writeFileSync(path, lines.join('\n'));
  return path;
}

test('memory percentiles are read by the names of their columns', async (t) => {
  const [row] = await readAzure2019Memory(csv(t, HEADER, ROW, ''));
  const mib = [108, 108, 108, 109, 109, 109, 110, 110];
  const percentiles_bytes = mib.map((value) => value * MIB);
  t.deepEqual(row, { name: 'a', samples: 17235, percentiles_bytes });
  const piece = `HashFunction,SampleCount,HashOwner,HashApp,${SHARES.join(',')}`;
  const [other] = await readAzure2019Memory(csv(t, piece, 'f,7,o,a,1.5,2,3,4,5,6,7,8'));
  t.like(other, { name: 'a/f', samples: 7 });
  t.is(other?.percentiles_bytes[0], 1.5 * MIB);
});

for (const [title, lines, code, says] of [
  ['no lines', [], 'HP_TRACE_HEADER', 'line 1'],
  ['another header', ['app,func,end_timestamp,duration'], 'HP_TRACE_HEADER', 'line 1'],
  ['a header alone', [HEADER], 'HP_TRACE_EMPTY', 'no rows'],
  ['a short row', [HEADER, 'o,a,1'], 'HP_TRACE_ROW', 'has 3 fields instead of 12'],
  [
    'text for memory',
    [HEADER, ROW, ROW.replace('108,108', '108,x')],
    'HP_TRACE_FIELD',
    'line 3, AverageAllocatedMb_pct1: "x" is not a number',
  ],
  [
    'percentiles that fall',
    [HEADER, ROW.replace('109,110', '107,110')],
    'HP_TRACE_FIELD',
    'line 2, AverageAllocatedMb_pct95: "107" is below the percentile before it',
  ],
  ['more memory than there is', [HEADER, ROW.replace(/110$/, '1e9')], 'HP_TRACE_FIELD', 'is more'],
] as const) {
  test(`memory percentiles with ${title} are refused, with line and column`, async (t) => {
    const error = await t.throwsAsync(readAzure2019Memory(csv(t, ...lines)), { code });
    t.true(error?.message.includes(says), error?.message);
  });
}

const FOLDER = process.env['HOTPLANE_AZURE2019'];
(FOLDER === undefined ? test.skip : test)('a published day is read whole', async (t) => {
  const apps = await readAzure2019Memory(join(FOLDER ?? '', 'app_memory_percentiles.anon.d01.csv'));
  t.is(apps.length, 17_275);
  t.is(Math.max(...apps.map((app) => memoryAt(app, 1))), 1536 * MIB);
});

test('memory between two percentiles lies on a line between them', (t) => {
  const app = { name: 'a', samples: 1, percentiles_bytes: [10, 20, 30, 40, 50, 60, 70, 80] };
  for (const [share, bytes] of [
    [0, 10],
    [0.01, 10],
    [0.03, 15],
    [0.5, 40],
    [0.625, 45],
    [1, 80],
  ] as const) {
    t.is(memoryAt(app, share), bytes, `at ${share}`);
  }
});

function isWhole({ phases, duration_ms }: MemorySeries): boolean {
  const times = [...phases.map(({ at_ms }) => at_ms), duration_ms];
  return (
    times[0] === 0 && times.every((at_ms, index) => index === 0 || at_ms > (times[index - 1] ?? 0))
  );
}

test('an invocation of an application has the peak it was given', (t) => {
  for (const app of makeApps(1, 40)) {
    const peak_bytes = memoryAt(app, 0.7);
    const series = invocationOf(app, peak_bytes, 1000);
    t.true(isWhole(series));
    t.is(peakOf(series), peak_bytes);
    t.true(averageOf(series) <= peak_bytes);
  }
});

test('made series are whole, of pages, and the same for the same seed', (t) =>
  holds(
    t,
    fc.property(fc.integer({ min: 0, max: 2 ** 31 }), (seed) => {
      const made = makeSeries(seed);
      return (
        made.length === MADE_SERIES &&
        made.every(isWhole) &&
        made.every(({ phases }) => phases.every(({ anonymous_bytes: b }) => b % 4096 === 0)) &&
        JSON.stringify(made) === JSON.stringify(makeSeries(seed))
      );
    }),
  ));

test('the peaks of made agents are up to about 15 times their average', (t) => {
  const shares = makeSeries(7, 2_000)
    .filter(({ name }) => name.startsWith('agent'))
    .map((series) => peakOf(series) / averageOf(series));
  const most = Math.max(...shares);
  t.true(most > 8 && most <= 15.4, `the most is ${most}`);
  t.true(Math.min(...shares) > 1);
});

test('made applications have ascending percentiles', (t) => {
  for (const { percentiles_bytes } of makeApps(3, 100)) {
    t.is(percentiles_bytes.length, MEMORY_SHARES.length);
    t.deepEqual(
      percentiles_bytes,
      percentiles_bytes.toSorted((a, b) => a - b),
    );
  }
});

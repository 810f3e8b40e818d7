import test from 'ava';
import { join } from 'node:path';
import {
  type SizingCommandInput,
  runSizingCommand,
} from '../../../autoscaler/simulator/command.ts';
import { changesCheck, sizingChecksOf } from '../../../autoscaler/simulator/figures.ts';
import type { SizingResult } from '../../../autoscaler/simulator/result.ts';
import {
  APP_CLASSES,
  classify,
  drawApps,
  noSums,
  playApp,
  type StrategySums,
} from '../../../autoscaler/simulator/sizing.ts';
import { readAzure2019Memory } from '../../../autoscaler/trace/azure2019-memory.ts';
import { makeApps } from '../../../autoscaler/trace/made-series.ts';
import type { AppMemory } from '../../../autoscaler/trace/memory-series.ts';
import { MIB } from '../../../base/units.ts';

const MODEL = {
  costs: { event_ms: 0, permit_ms: 0, plug_p99_ms: 20, refault_ms_per_gib: 350 },
  touch_bytes_per_ms: 3e6,
};

function app(name: string, median_mib: number, most_mib: number): AppMemory {
  const percentiles_bytes = Array.from({ length: 7 }, () => median_mib * MIB);
  return { name, samples: 1, percentiles_bytes: [...percentiles_bytes, most_mib * MIB] };
}

test('classes are told apart by the median and by what is above it', (t) => {
  const apps = [
    app('a', 100, 110),
    app('b', 140, 150),
    app('c', 150, 300),
    app('d', 160, 170),
    app('e', 400, 500),
  ];
  t.deepEqual(classify(apps), ['small', 'small', 'varying', 'large', 'large']);
});

test('as many of each class are drawn as there are, and the same for the same seed', (t) => {
  const apps = makeApps(1, 80);
  const drawn = drawApps(apps, 3, 9);
  t.is(drawn.length, 3 * APP_CLASSES.length);
  t.deepEqual(drawn, drawApps(apps, 3, 9));
  t.notDeepEqual(drawn, drawApps(apps, 3, 10));
  t.is(drawApps(apps, 1_000, 9).length, 80);
});

test('sizes change at 1000, 2000 and 3000 of 3500 invocations, and the first 1000 do not count', (t) => {
  const [first = app('a', 1, 1)] = makeApps(4, 4);
  const run = { invocations: 3_500, duration_ms: 1_000, seed: 1, model: MODEL };
  const { changes, sums } = playApp(first, run);
  t.deepEqual(changes, [1_000, 2_000, 3_000]);
  for (const [name, { invocations }] of sums) t.is(invocations, 2_500, name);
  t.true(changesCheck([changes], 3_500).holds);
  t.false(changesCheck([changes, [1_000, 2_001, 3_000]], 3_500).holds);
  t.false(changesCheck([[1_000]], 3_500).holds);
});

function sumsOf(used_byte_ms: number, waits: number): StrategySums {
  const held = { invocations: 10, held_byte_ms: 100, duration_ms: 100 };
  return { ...noSums(), ...held, used_byte_ms, waits, wait_ms: waits };
}

type UsedAndWaits = readonly [used_byte_ms: number, waits: number];

for (const [title, fixed, history, peak, verdicts] of [
  ['all is better', [50, 3], [60, 2], [30, 0], [true, true, true, true]],
  ['nothing is better', [60, 3], [60, 3], [31, 0], [false, false, true, false]],
  ['waiting is new', [50, 0], [60, 6], [30, 0], [true, false, false, true]],
  ['nobody waits', [50, 0], [60, 0], [30, 0], [true, true, true, true]],
] as readonly [string, UsedAndWaits, UsedAndWaits, UsedAndWaits, boolean[]][]) {
  test(`promises are held against the figures: ${title}`, (t) => {
    const sums = new Map([
      ['fixed', sumsOf(...fixed)],
      ['history', sumsOf(...history)],
      ['peak', sumsOf(...peak)],
    ]);
    t.deepEqual(
      sizingChecksOf('varying', sums).map(({ holds }) => holds),
      verdicts,
    );
  });
}

const INPUT: Omit<SizingCommandInput, 'stdout' | 'stderr'> = {
  azure2019: [],
  series: [],
  functions: 3,
  invocations: 1_100,
  duration_ms: 1_000,
  growth_ms: 20,
  touch_ms_per_gib: 350,
  is_reactive: false,
  seed: 3,
  writeSvg: null,
  json: true,
  signal: new AbortController().signal,
};

async function output(change: Partial<SizingCommandInput>): Promise<string> {
  let text = '';
  const stdout = { write: (part: string) => void (text += part) };
  await runSizingCommand({ ...INPUT, stdout, stderr: { write: () => {} }, ...change });
  return text;
}

test('the same seed gives the same bytes, marked as simulated, whoever reads them', async (t) => {
  const text = await output({});
  t.is(await output({}), text);
  const result: SizingResult = JSON.parse(text);
  t.true(result.simulated);
  t.deepEqual(
    result.groups.map(({ name }) => name),
    ['made series', ...APP_CLASSES],
  );
  t.not(await output({ seed: 4 }), text);
  const table = await output({ json: false });
  t.true(table.startsWith('Simulated: nothing below was measured on a machine.'));
  for (const { promise } of result.checks) t.true(table.includes(promise), promise);
});

test('made series cost less when memory may shrink, and most by the largest peak', async (t) => {
  const result: SizingResult = JSON.parse(await output({}));
  const held = new Map(
    result.groups[0]?.strategies.map(({ strategy, held_gib_s }) => [strategy, held_gib_s]),
  );
  const of = (name: string): number => held.get(name) ?? Number.NaN;
  t.true(of('fixed-shrink') < of('fixed') && of('fixed-shrink') < of('oracle'));
  t.true(of('peak') > of('oracle'));
});

test('the plot is of the first series', async (t) => {
  let svg = '';
  await output({ writeSvg: async (text) => void (svg = text) });
  t.true(svg.includes('Simulated memory of one invocation: train-1'));
  t.true(svg.startsWith('<svg') && !svg.includes('NaN'));
});

test('a signal ends the simulation', async (t) => {
  await t.throwsAsync(output({ signal: AbortSignal.abort(new Error('told to end')) }), {
    message: 'told to end',
  });
});

const FOLDER = process.env['HOTPLANE_AZURE2019'];
(FOLDER === undefined ? test.skip : test)(
  'on a published day sizes change at K, and history is as fast as peak',
  async (t) => {
    const path = join(FOLDER ?? '', 'app_memory_percentiles.anon.d01.csv');
    t.true((await readAzure2019Memory(path)).length > 0);
    const result: SizingResult = JSON.parse(await output({ azure2019: [path], functions: 2 }));
    const must = result.checks.filter(
      ({ class: of, promise }) => of === 'all' || promise.includes('latency'),
    );
    t.is(must.length, 1 + APP_CLASSES.length);
    t.deepEqual(
      must.filter(({ holds }) => !holds),
      [],
    );
  },
);

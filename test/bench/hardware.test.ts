import test from 'ava';
import fc from 'fast-check';
import { GIB, MIB } from '../../base/units.ts';
import {
  estimateUnplug,
  type HardwarePrices,
  hardwarePrices,
  ratioRange,
  REFERENCE_OPERATIONS,
} from '../../bench/reclaim/report/hardware.ts';
import { estimateCell } from '../../bench/reclaim/report/hardware-counts.ts';
import {
  type BenchData,
  PRICE_OPERATIONS,
  type PriceLine,
  type PriceOperation,
} from '../../bench/reclaim/results/records.ts';
import { renderReport } from '../../bench/reclaim/report/report.ts';
import { summarizeBench } from '../../bench/reclaim/report/summary.ts';
import { checkTable, headLines, renderText, tablesOf } from '../../bench/reclaim/report/table.ts';
import { benchData, cellOf, floorLine, operation } from './fixture.ts';
import { holds } from '../seed.ts';

/** Host and guest nanoseconds, counted instructions. */
const MEASURED: Readonly<Partial<Record<PriceOperation, readonly [number, number, number]>>> = {
  fault: [1570, 4600, 2910],
  unmap: [125, 475, 500],
  protect: [40, 120, 160],
  'copy-on-write': [2250, 5625, 3000],
  'fork-exit': [75_000, 250_000, 100_000],
  'zero-hot': [45, 300, 522],
  'zero-cold': [200, 600, 522],
  'huge-fault': [390, 1300, 700],
};

const PRICE_LINES: readonly PriceLine[] = [
  ...PRICE_OPERATIONS.flatMap((one) =>
    (['host', 'guest', 'counted'] as const).flatMap((where, index) => {
      const cost = MEASURED[one]?.[index];
      return cost === undefined ? [] : [{ round: 1, where, operation: one, cost }];
    }),
  ),
  { round: 1, where: 'counted', operation: 'migrated-page', cost: 6535 },
];

const PRICES: HardwarePrices = {
  instruction_ns: { low: 0.25, high: 0.75 },
  slowdown: { low: 2.5, high: 3.8 },
  zeroed_page_ns: { low: 45, high: 390 },
  emulated_zeroed_page_ns: 600,
  migrated_page_instructions: 6535,
};

test('prices are ranges over the reference operations', (t) => {
  const prices = hardwarePrices(PRICE_LINES);
  t.deepEqual(prices, PRICES);
});

test('without one of the operations measured everywhere there is no estimate', (t) => {
  for (const one of REFERENCE_OPERATIONS) {
    for (const where of ['host', 'guest', 'counted']) {
      const fewer = PRICE_LINES.filter((line) => line.operation !== one || line.where !== where);
      const prices = hardwarePrices(fewer);
      t.true(prices === null, `${one} ${where}`);
    }
  }
  t.is(hardwarePrices([]), null);
});

/** What was worked out by hand for each: times `hotmem` on hardware. */
for (const { name, counts, hotmem, low, high } of [
  {
    name: 'stock unplug of 2 GiB, by the pages it migrates',
    counts: { time_ms: 3520, host_ms: 4.8, instructions: 438_394 * 6535, pages_zeroed: 0 },
    hotmem: { time_ms: 6.6, host_ms: 4.4, instructions: 300_000, pages_zeroed: 0 },
    low: [150, 190],
    high: [450, 490],
  },
  {
    name: 'stock unplug of 512 MiB',
    counts: { time_ms: 664, host_ms: 1.5, instructions: 120_750 * 6535, pages_zeroed: 0 },
    hotmem: { time_ms: 2.8, host_ms: 1.4, instructions: 250_000, pages_zeroed: 0 },
    low: [120, 150],
    high: [390, 410],
  },
  {
    name: 'a node of 512 MiB, by its time',
    counts: { time_ms: 36, host_ms: 1.4, instructions: null, pages_zeroed: 0 },
    hotmem: { time_ms: 2.8, host_ms: 1.3, instructions: 250_000, pages_zeroed: 0 },
    low: [6, 10],
    high: [10, 17],
  },
  {
    name: 'a node of 512 MiB with init_on_alloc: zeroed pages have a price of their own',
    counts: { time_ms: 115, host_ms: 1.4, instructions: null, pages_zeroed: 131_072 },
    hotmem: { time_ms: 2.8, host_ms: 1.3, instructions: 250_000, pages_zeroed: 0 },
    low: [10, 15],
    high: [45, 55],
  },
] as const) {
  test(name, (t) => {
    const ratio = ratioRange(estimateUnplug(counts, PRICES), estimateUnplug(hotmem, PRICES));
    const said = `${ratio?.low} to ${ratio?.high}`;
    t.true(ratio !== null && ratio.low >= low[0] && ratio.low <= low[1], said);
    t.true(ratio !== null && ratio.high >= high[0] && ratio.high <= high[1], said);
  });
}

test('an estimate is a range, never below what the host itself took', async (t) => {
  const ms = fc.double({ min: 0, max: 1e4, noNaN: true });
  const property = fc.property(
    ms,
    ms,
    fc.option(fc.integer({ min: 0, max: 1e10 })),
    fc.nat(1e6),
    (time_ms, host_ms, instructions, pages_zeroed) => {
      const counts = { time_ms, host_ms, instructions, pages_zeroed };
      const { low, high } = estimateUnplug(counts, PRICES);
      return low <= high && low >= host_ms - 1e-6;
    },
  );
  await holds(t, property);
});

const LARGE = { region_bytes: 2 * GIB };
const [BLOCK] = benchData().blocks;
if (!BLOCK) throw new Error('a made-up run has blocks');
const DATA: BenchData = benchData({
  blocks: [
    ...benchData().blocks,
    { ...BLOCK, cell: cellOf('virtio-mem', { pages: 'huge' }) },
    { ...BLOCK, cell: cellOf('numa', { init_on_alloc: true }) },
  ],
  operations: [
    operation(cellOf('hotmem', LARGE), 6.6),
    operation(cellOf('virtio-mem', LARGE), 3520, {
      pages_migrated: 438_394,
      touched_bytes: 1884 * MIB,
    }),
    operation(cellOf('numa', LARGE), 113, { pages_migrated: 100, touched_bytes: 1884 * MIB }),
    operation(cellOf('virtio-mem', { pages: 'huge' }), 500, { pages_migrated: 120_000 }),
    operation(cellOf('numa', { init_on_alloc: true }), 115, { pages_migrated: 28 }),
  ],
  floor: [floorLine(2 * GIB, 4.3), floorLine(512 * MIB, 1)],
  prices: PRICE_LINES,
});

test('stock unplug is priced by its migrated pages, other mechanisms by their time', (t) => {
  const stock = estimateCell(DATA, cellOf('virtio-mem', LARGE));
  t.is(stock?.from, 'instructions');
  t.is(stock?.counts.instructions, 438_394 * 6535);
  t.is(stock?.counts.host_ms, 4.8);
  t.is(estimateCell(DATA, cellOf('numa', LARGE))?.from, 'time');
  const huge = estimateCell(DATA, cellOf('virtio-mem', { pages: 'huge' }));
  t.is(huge?.from, 'time', 'migration was counted with small pages');
});

test('hotmem is priced by the counted unplug nearest in size', (t) => {
  t.is(estimateCell(DATA, cellOf('hotmem', LARGE))?.from, 'time');
  const line = {
    round: 1,
    part: 'attached-counted' as const,
    variant: 'attached' as const,
    metric: 'unplug' as const,
    threads: 1,
  };
  const cost = [
    { ...line, region_bytes: 128 * MIB, ns: 200_000 },
    { ...line, region_bytes: 2 * GIB, ns: 300_000 },
  ];
  const counted = estimateCell({ ...DATA, cost }, cellOf('hotmem', LARGE));
  t.is(counted?.from, 'instructions');
  t.is(counted?.counts.instructions, 300_000);
});

test('init_on_alloc zeroes the whole range that is taken away', (t) => {
  const counts = estimateCell(DATA, cellOf('numa', { init_on_alloc: true }))?.counts;
  t.is(counts?.pages_zeroed, 131_072 + 28);
});

test('nothing is estimated with hardware virtualisation or without prices', (t) => {
  const cell = cellOf('virtio-mem', LARGE);
  const kvm = { ...DATA, manifest: { ...DATA.manifest, accelerator: 'kvm' as const } };
  t.is(estimateCell(kvm, cell), null);
  t.is(estimateCell({ ...DATA, prices: [] }, cell), null);
  const text = tablesOf(summarizeBench({ ...DATA, prices: [] }))
    .map(renderText)
    .join('\n');
  t.notRegex(text, /estimated/);
});

test('every emulated ratio has its estimate beside it, with prices and what is left out', (t) => {
  const summary = summarizeBench(DATA);
  const text = tablesOf(summary).map(renderText).join('\n');
  t.regex(text, /estimated on hardware/);
  t.regex(text, /virtio-mem.*533x.*\d+ ms to 2\.\d+ s +1\d\d-4\d\dx +438,394/);
  t.regex(text, /An estimate, not a measurement[^]*exits to the VMM/);
  t.regex(text, /fault +1\.57 µs +4\.6 µs +2\.93 +2,910 +0\.54 +reference/);
  t.regex(headLines(DATA.manifest).join(' '), /"Estimated on hardware" is no measurement/);
  t.regex(renderText(checkTable(summary.checks)), /2048 MiB|estimated on hardware: 1\d\d to 4\d\d/);
  const html = renderReport(DATA, summary);
  t.regex(html, /533 times hotmem \(hardware, estimated: 1\d\d-4\d\dx\)/);
  t.regex(html, /Prices of the estimate on hardware/);
});

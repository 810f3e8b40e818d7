import test from 'ava';
import { GIB, MIB } from '../../base/units.ts';
import { atLeast, atMost, shown, verdictText } from '../../bench/check.ts';
import { checkAll } from '../../bench/reclaim/report/checks.ts';
import type { BenchData } from '../../bench/reclaim/results/records.ts';
import { benchData, cellOf, floorLine, operation } from './fixture.ts';

function verdicts(data: BenchData): Map<string, string> {
  return new Map(checkAll(data).map((check) => [check.name, check.verdict]));
}

const neighbourLine = (count: number, busy: number) => ({
  block: 'b',
  round: 1,
  cell: cellOf('hotmem', { neighbour: true }),
  burst: 1,
  request: 'function' as const,
  unplugs: 7,
  quiet_ms: [],
  sham_ms: Array.from({ length: count }, () => 2),
  busy_ms: Array.from({ length: count }, () => busy),
});

const faultCost = (variant: 'off' | 'untouched', ns: number) => ({
  round: 1,
  part: 'off' as const,
  variant,
  metric: 'fault' as const,
  threads: 1,
  region_bytes: 512 * MIB,
  ns,
});

const partitionUnplug = (region_bytes: number, ns: number) => ({
  ...faultCost('off', ns),
  part: 'attached-counted' as const,
  variant: 'attached' as const,
  metric: 'unplug' as const,
  region_bytes,
});

test('a figure at its target is met, beyond it missed by a part of the target', (t) => {
  const figure = { unit: 'ms', target: 2, detail: '' };
  t.is(atMost('a', 'a', { ...figure, measured: 2 }).verdict, 'met');
  t.is(verdictText(atMost('a', 'a', { ...figure, measured: 2.5 })), 'missed by 25 %');
  t.is(atLeast('a', 'a', { ...figure, measured: 2 }).verdict, 'met');
  t.is(verdictText(atLeast('a', 'a', { ...figure, measured: 1 })), 'missed by 50 %');
  t.is(verdictText(atMost('a', 'a', { ...figure, target: 0, measured: 3 })), 'missed');
  t.is(verdictText(atMost('a', 'a', { ...figure, measured: null })), 'not measured');
  t.is(verdictText(atMost('a', 'a', { ...figure, measured: Number.NaN })), 'not measured');
});

test('a figure is shown with three digits, or with all before the point', (t) => {
  const figures = [0.0912345, 6.514873, 573.766371, 6581.5, 25237931.5, 0, null].map(shown);
  t.deepEqual(figures, ['0.0912', '6.51', '574', '6582', '25237932', '0', '-']);
});

test('a run that measured nothing meets nothing', (t) => {
  const checks = checkAll(benchData({ blocks: [] }));
  t.true(checks.length >= 20);
  for (const check of checks) t.is(check.verdict, 'not measured', check.name);
  t.is(new Set(checks.map(({ name }) => name)).size, checks.length);
});

test('hotmem that migrated one page once is told so', (t) => {
  const clean = operation(cellOf('hotmem'), 3);
  const dirty = operation(cellOf('hotmem'), 3, { pages_migrated: 1 });
  t.is(verdicts(benchData({ operations: [clean] })).get('hotmem-migrates-nothing'), 'met');
  t.is(
    verdicts(benchData({ operations: [clean, dirty] })).get('hotmem-migrates-nothing'),
    'missed',
  );
});

test('ratios compare medians of the same condition only', (t) => {
  const hotmem = [2, 2.5, 3].map((ms) => operation(cellOf('hotmem'), ms));
  const stock = [900, 1000, 1100].map((ms) => operation(cellOf('virtio-mem'), ms));
  const other = operation(cellOf('virtio-mem', { init_on_alloc: true }), 1);
  const found = checkAll(benchData({ operations: [...hotmem, ...stock, other] }));
  const check = found.find(({ name }) => name === 'faster-than-virtio-mem-512');
  t.is(check?.measured, 400);
  t.is(check?.verdict, 'met');
  t.is(found.find(({ name }) => name === 'faster-than-virtio-mem-2048')?.verdict, 'not measured');
});

test('the floor is the one of the host pages that the region really had', (t) => {
  const cell = cellOf('hotmem', { region_bytes: 2 * GIB });
  const lines = { operations: [operation(cell, 6)], floor: [floorLine(2 * GIB, 4)] };
  const huge = benchData(lines);
  t.is(checkAll(huge).find(({ name }) => name === 'floor-2g-anonymous')?.measured, 1.5);
  const small = {
    ...huge,
    blocks: huge.blocks.map((block) => ({ ...block, host_huge_bytes: 0 })),
  };
  const check = checkAll(small).find(({ name }) => name === 'floor-2g-anonymous');
  t.is(check?.verdict, 'not measured');
});

test('an unplug that was not done has no time and does not flatter the median', (t) => {
  const operations = [
    operation(cellOf('hotmem'), 3),
    operation(cellOf('hotmem'), 0.1, { outcome: 'partial' }),
    operation(cellOf('virtio-mem'), 900),
  ];
  const found = checkAll(benchData({ operations }));
  t.is(found.find(({ name }) => name === 'faster-than-virtio-mem-512')?.measured, 300);
});

test('a p99 of too few requests is not measured', (t) => {
  t.is(
    verdicts(benchData({ neighbour: [neighbourLine(99, 2)] })).get('neighbour-p99-function'),
    'not measured',
  );
  t.is(
    verdicts(benchData({ neighbour: [neighbourLine(100, 2)] })).get('neighbour-p99-function'),
    'met',
  );
  t.is(
    verdicts(benchData({ neighbour: [neighbourLine(100, 2.2)] })).get('neighbour-p99-function'),
    'missed',
  );
});

test('off must equal the untouched kernel in both directions', (t) => {
  for (const [off, verdict] of [
    [1019, 'met'],
    [981, 'met'],
    [1021, 'missed'],
    [979, 'missed'],
  ] as const) {
    const data = benchData({ cost: [faultCost('untouched', 1000), faultCost('off', off)] });
    t.is(verdicts(data).get('off-fault'), verdict);
  }
});

test('observers that disagree once are counted', (t) => {
  const line = operation(cellOf('numa'), 40);
  const observers = line.observers === null ? null : { ...line.observers, agree: false };
  const data = benchData({ operations: [line, { ...line, observers }] });
  const check = checkAll(data).find(({ name }) => name === 'observers-agree');
  t.is(check?.measured, 1);
});

test('guest work of the large region is set against that of the small one', (t) => {
  const cost = [
    partitionUnplug(128 * MIB, 200_000),
    partitionUnplug(2 * GIB, 300_000),
    partitionUnplug(512 * MIB, 1),
  ];
  const check = checkAll(benchData({ cost })).find(({ name }) => name === 'cpu-growth');
  t.is(check?.measured, 1.5);
});

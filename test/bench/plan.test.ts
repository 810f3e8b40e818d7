import test from 'ava';
import fc from 'fast-check';
import { cellOf } from './fixture.ts';
import { BENCH_MECHANISMS, cellName, conditionName } from '../../bench/reclaim/plan/cell.ts';
import {
  fillBytes,
  cellLayoutOf,
  regionCount,
  scattered,
} from '../../bench/reclaim/plan/layout.ts';
import { parseOptions } from '../../bench/reclaim/plan/options.ts';
import { makePlan, orderBlocks, repetitionsOf, rotated } from '../../bench/reclaim/plan/plan.ts';
import { stepsOf } from '../../bench/reclaim/run.ts';
import { estimatePlanMs, remainingMs } from '../../bench/reclaim/plan/estimate.ts';
import { GIB, MIB } from '../../base/units.ts';
import { isHotplaneError } from '../../base/errors.ts';
import { holds } from '../seed.ts';

const DEFAULT = makePlan(parseOptions({}));

test('the default plan has every condition of the promises', (t) => {
  const names = new Set(DEFAULT.blocks.map(({ cell }) => cellName(cell)));
  for (const mechanism of ['hotmem', 'numa', 'virtio-mem']) {
    for (const size of ['128 MiB', '512 MiB', '2 GiB']) {
      t.true(names.has(`${mechanism}, ${size}, full, init_on_alloc=0, 4k, anonymous`));
    }
    t.true(names.has(`${mechanism}, 512 MiB, full, init_on_alloc=1, 4k, anonymous`));
    t.true(names.has(`${mechanism}, 512 MiB, full, init_on_alloc=0, huge, anonymous`));
    t.true(names.has(`${mechanism}, 512 MiB, full, init_on_alloc=0, 4k, anonymous, neighbour`));
  }
  t.true(names.has('hotmem, 2 GiB, full, init_on_alloc=0, 4k, memfd'));
  for (const percent of [0, 25, 50, 75, 95]) {
    t.true(names.has(`hotmem, 2 GiB, ${percent} %, init_on_alloc=0, 4k, anonymous`));
  }
  t.deepEqual(DEFAULT.parts, ['reclaim', 'off', 'attached', 'lock']);
});

test('every cell is in every round, once', (t) => {
  for (let round = 1; round <= DEFAULT.rounds; round += 1) {
    const cells = DEFAULT.blocks.filter((one) => one.round === round).map(({ cell }) => cell);
    const wanted = DEFAULT.groups.flatMap(({ condition, mechanisms }) =>
      mechanisms.map((mechanism) => cellName({ mechanism, ...condition })),
    );
    t.deepEqual(cells.map(cellName).toSorted(), wanted.toSorted());
  }
});

test('mechanisms of one condition follow each other and rotate from round to round', (t) => {
  const plan = makePlan(parseOptions({ sizes: '512MiB', rounds: '4' }));
  const orders = [1, 2, 3, 4].map((round) =>
    plan.blocks.filter((one) => one.round === round).map(({ cell }) => cell.mechanism),
  );
  t.deepEqual(orders, [
    ['hotmem', 'numa', 'virtio-mem'],
    ['numa', 'virtio-mem', 'hotmem'],
    ['virtio-mem', 'hotmem', 'numa'],
    ['hotmem', 'numa', 'virtio-mem'],
  ]);
});

test('every second round runs the conditions backwards, so that a drift does not favour one', (t) => {
  const plan = makePlan(
    parseOptions({ sizes: '2GiB', occupancy: '0,50,95', mechanism: 'hotmem', rounds: '3' }),
  );
  const order = plan.blocks.map(({ cell }) => cell.occupancy_percent);
  t.deepEqual(order, [0, 50, 95, 95, 50, 0, 0, 50, 95]);
});

test('over as many rounds as mechanisms, each is at each place once', async (t) => {
  await holds(
    t,
    fc.property(fc.subarray([...BENCH_MECHANISMS], { minLength: 1 }), (mechanisms) => {
      const condition = DEFAULT.groups[0]?.condition;
      if (!condition) return false;
      const blocks = orderBlocks([{ condition, mechanisms }], mechanisms.length);
      const ids = new Set(blocks.map(({ block }) => block));
      const places = mechanisms.map((_, place) =>
        blocks.filter((_one, index) => index % mechanisms.length === place),
      );
      return (
        ids.size === blocks.length &&
        places.every((list) => new Set(list.map(({ cell }) => cell.mechanism)).size === list.length)
      );
    }),
  );
  t.deepEqual(rotated([1, 2, 3], 4), [2, 3, 1]);
});

test('options that name conditions give every combination of them and nothing else', (t) => {
  const plan = makePlan(
    parseOptions({ sizes: '128MiB,1GiB', pages: '4k,huge', occupancy: '50,full' }),
  );
  t.deepEqual(plan.groups.map(({ condition }) => conditionName(condition)).toSorted(), [
    '1 GiB, 50 %, init_on_alloc=0, 4k, anonymous',
    '1 GiB, 50 %, init_on_alloc=0, huge, anonymous',
    '1 GiB, full, init_on_alloc=0, 4k, anonymous',
    '1 GiB, full, init_on_alloc=0, huge, anonymous',
    '128 MiB, 50 %, init_on_alloc=0, 4k, anonymous',
    '128 MiB, 50 %, init_on_alloc=0, huge, anonymous',
    '128 MiB, full, init_on_alloc=0, 4k, anonymous',
    '128 MiB, full, init_on_alloc=0, huge, anonymous',
  ]);
  t.deepEqual(plan.parts, ['reclaim']);
});

test('the short plan is one small condition', (t) => {
  const plan = makePlan(parseOptions({ short: true }));
  t.is(plan.groups.length, 1);
  t.is(plan.rounds, 1);
  t.deepEqual(plan.parts, ['reclaim']);
});

test('a bad option is refused with its name', (t) => {
  const bad = [
    { mechanism: 'magic' },
    { sizes: '100MiB' },
    { sizes: '128MiB,128MiB' },
    { occupancy: '96' },
    { occupancy: '' },
    { 'init-on-alloc': 'yes' },
    { neighbour: '1' },
    { repetitions: '0' },
    { rounds: '1.5' },
  ];
  for (const options of bad) {
    const error = t.throws(() => parseOptions(options));
    t.true(isHotplaneError(error) && error.code === 'HP_BENCH_OPTION');
    t.true(error.message.startsWith(`--${Object.keys(options)[0]}`));
  }
});

test('a layout fits into the memory it is given, with at least two regions', (t) => {
  t.is(regionCount(2 * GIB, 9 * GIB), 4);
  t.is(regionCount(128 * MIB, 9 * GIB), 8);
  t.is(regionCount(2 * GIB, 2 * GIB), 2);
});

test('an occupancy fills the rest to that share and turns on one region only', (t) => {
  const group = DEFAULT.groups.find(({ condition }) => condition.occupancy_percent === 25);
  const condition = group?.condition;
  t.truthy(condition);
  if (!condition) return;
  const layout = cellLayoutOf({ mechanism: 'hotmem', ...condition }, 9 * GIB);
  t.deepEqual(layout.turns, [0]);
  t.is(layout.slots[0]?.fill_bytes, fillBytes(2 * GIB));
  t.is(layout.slots[1]?.fill_bytes, 512 * MIB);
});

test('a scattered order visits every region once and not in a row', (t) => {
  for (const count of [2, 3, 4, 5, 6, 7, 8]) {
    t.deepEqual(
      scattered(count).toSorted((a, b) => a - b),
      Array.from({ length: count }, (_, index) => index),
    );
  }
  t.deepEqual(scattered(8), [1, 4, 7, 2, 5, 0, 3, 6]);
});

test('costs are measured once, after the first round, and every block is a step', (t) => {
  const steps = stepsOf(DEFAULT, 'kvm');
  const kinds = steps.map(({ kind }) => kind).filter((kind) => kind !== 'block');
  t.deepEqual(kinds, ['off', 'attached', 'lock']);
  t.is(steps.length, DEFAULT.blocks.length + 3);
  const emulated = stepsOf(DEFAULT, 'tcg').map(({ kind }) => kind);
  t.is(emulated[0], 'prices', 'what an estimate needs comes first');
  t.is(emulated.length, steps.length + 1);
  const costs_only = makePlan(parseOptions({ parts: 'off' }));
  t.deepEqual(
    stepsOf(costs_only, 'tcg').map(({ kind }) => kind),
    ['off'],
  );
});

test('what is left shrinks to nothing and follows the pace so far', (t) => {
  const planned_ms = estimatePlanMs(DEFAULT, 9 * GIB);
  t.is(remainingMs({ planned_ms, finished_planned_ms: 0, elapsed_ms: 5 }), planned_ms);
  t.is(remainingMs({ planned_ms, finished_planned_ms: planned_ms, elapsed_ms: 5 }), 0);
  t.is(remainingMs({ planned_ms: 100, finished_planned_ms: 50, elapsed_ms: 100 }), 100);
});

test('hotmem is repeated more often than others, unless the number is given', (t) => {
  for (const [raw, hotmem, stock] of [
    [{}, 9, 3],
    [{ repetitions: '5' }, 5, 5],
    [{ short: true }, 3, 3],
  ] as const) {
    const plan = makePlan(parseOptions(raw));
    t.is(repetitionsOf(cellOf('hotmem'), plan), hotmem);
    t.is(repetitionsOf(cellOf('virtio-mem'), plan), stock);
  }
});

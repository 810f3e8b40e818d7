import test from 'ava';
import { mischiefOf } from './mischief.ts';

const first = (seed: number) =>
  Array.from({ length: 1000 }, (_, request) => mischiefOf(seed, request, 60));

test('a seed gives the same mischief every time, another seed another one', (t) => {
  t.deepEqual(first(7), first(7));
  t.notDeepEqual(first(7), first(8));
});

test('every kind occurs, in both orders, and none holds the guest up for long', (t) => {
  const all = first(1);
  t.deepEqual([...new Set(all.map(({ kind }) => kind))].toSorted(), [
    'contradict',
    'freeze',
    'obey',
    'refuse',
  ]);
  for (const kind of ['refuse', 'freeze'] as const) {
    const orders = all.flatMap((one) => (one.kind === kind ? [one.first] : []));
    t.is(new Set(orders).size, 2, kind);
  }
  for (const one of all) {
    if (one.kind === 'contradict') {
      t.true(one.detours.length >= 1 && one.detours.length <= 3);
      t.true(one.detours.every(({ share }) => share >= 0 && share < 1));
      t.true(one.detours.every(({ pause_ms }) => pause_ms <= 30));
    } else if (one.kind !== 'obey') t.true(one.hold_ms <= 150);
  }
});

test('as many requests are not obeyed as was asked for', (t) => {
  for (const percent of [0, 5, 100]) {
    const requests = Array.from({ length: 10_000 }, (_, request) => request);
    const obeyed = requests.filter((one) => mischiefOf(3, one, percent).kind === 'obey').length;
    t.true(Math.abs(obeyed / 100 - (100 - percent)) < 1, `${obeyed} obeyed at ${percent} %`);
  }
});

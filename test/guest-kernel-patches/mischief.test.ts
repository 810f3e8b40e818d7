import test from 'ava';
import { mischiefOf } from './mischief.ts';

const first = (seed: number) =>
  Array.from({ length: 1000 }, (_, request) => mischiefOf(seed, request));

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
      t.true(one.detours.every(({ pause_ms }) => pause_ms <= 40));
    } else if (one.kind !== 'obey') t.true(one.hold_ms <= 400);
  }
});

import test from 'ava';
import { variantOf } from '../../../agent/executor/guest-kernel.ts';

const MECHANISMS = ['static', 'virtio-mem', 'numa', 'hotmem'] as const;

test('one kernel, the one with the series, serves every mechanism', (t) => {
  const variants = new Set(MECHANISMS.map((mechanism) => variantOf(mechanism, 'series')));
  t.deepEqual([...variants], ['hotmem']);
});

test('on wish all but hotmem run the untouched kernel', (t) => {
  const variants = MECHANISMS.map((mechanism) => variantOf(mechanism, 'untouched'));
  t.deepEqual(variants, ['stock', 'stock', 'stock', 'hotmem']);
});

import test from 'ava';
import { variantOf } from '../../../agent/model/guest-kernel.ts';
import { MECHANISMS } from '../../../agent/model/mechanism.ts';

test('one kernel, the one with the series, serves every mechanism', (t) => {
  const variants = new Set(MECHANISMS.all.map((mechanism) => variantOf(mechanism, 'series')));
  t.deepEqual([...variants], ['hotmem']);
});

test('on wish all but hotmem run the untouched kernel', (t) => {
  const variants = MECHANISMS.all.map((one) => [one.name, variantOf(one, 'untouched')]);
  t.deepEqual(variants, [
    ['static', 'stock'],
    ['virtio-mem', 'stock'],
    ['numa', 'stock'],
    ['hotmem', 'hotmem'],
  ]);
});

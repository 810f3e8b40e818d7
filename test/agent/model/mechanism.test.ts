/** The table of mechanisms: each row is possible in itself, and no other code tells them apart. */
import test from 'ava';
import { BASELINE, guestNodeOf, MECHANISMS, STOCK } from '../../../agent/model/mechanism.ts';
import { styleOf } from '../../../autoscaler/report/charts/palette.ts';

test('the mechanisms that are offered, in their order', (t) => {
  t.deepEqual(MECHANISMS.names, ['static', 'virtio-mem', 'numa', 'hotmem']);
  t.true(MECHANISMS.names.includes(BASELINE) && MECHANISMS.names.includes(STOCK));
});

for (const row of MECHANISMS.all) {
  test(`${row.name}: what it is bound to is there, and something holds it to its limit`, (t) => {
    t.is(row.attach === 'hotmem', row.partitions);
    t.is(row.attach === 'numa', row.node_per_region);
    t.is(row.limited_by === 'partition', row.partitions);
    t.regex(row.name, /^[a-z][a-z0-9-]*$/, 'a class name, a file name and an option at once');
  });
}

test('only the baseline never gives memory back', (t) => {
  const kept = MECHANISMS.all.filter((row) => !row.plugs_on_demand);
  t.deepEqual(
    kept.map(({ name }) => name),
    [BASELINE],
  );
});

test('guest nodes are counted from 1; a mechanism without them has none', (t) => {
  t.deepEqual(
    [0, 1].map((index) => guestNodeOf(MECHANISMS.get('numa'), index)),
    [1, 2],
  );
  t.is(guestNodeOf(MECHANISMS.get('hotmem'), 0), null);
});

test('a mechanism that is known has a line of its own, one of another version a common one', (t) => {
  const known = MECHANISMS.names.map((name) => styleOf(name));
  const classes = [...known, styleOf('balloon')].map(({ class_name }) => class_name);
  t.is(new Set(classes).size, MECHANISMS.names.length + 1);
  t.deepEqual(styleOf('balloon'), styleOf('"><script>'));
});

/** Cells that a reader of tables takes apart again as they were put together. */
import test from 'ava';
import { csvField } from '../../base/csv.ts';

test('unknown is empty, and what would end a cell is quoted', (t) => {
  const cells = [null, undefined, 0, false, 1e-5, 'plain', 'a,b', 'say "x"', 'two\nlines'];
  const told = ['', '', '0', 'false', '0.00001', 'plain', '"a,b"', '"say ""x"""', '"two\nlines"'];
  t.deepEqual(cells.map(csvField), told);
});

/** Counts in few bytes come out as they went in, whatever they are and however many there are. */
import test from 'ava';
import fc from 'fast-check';
import { PackedCells } from '../../autoscaler/trace/packed-cells.ts';
import { holds } from '../seed.ts';

type Cell = readonly [function_index: number, minute: number, count: number];

const MOST = 2 ** 32 - 1;

function cellsOf(packed: PackedCells): Cell[] {
  const found: Cell[] = [];
  packed.forEach((...cell) => found.push(cell));
  return found;
}

test('counts of functions are told in the order in which they were added', async (t) => {
  const number = fc.oneof(
    fc.nat({ max: 200 }),
    fc.nat({ max: 30_000 }),
    fc.integer({ min: 0, max: MOST - 1 }),
  );
  // Minutes go down, too, and come twice.
  const group = fc.record({
    function_index: number,
    pairs: fc.array(fc.tuple(number, number), { maxLength: 20 }),
  });
  await holds(
    t,
    fc.property(fc.array(group, { maxLength: 20 }), (groups) => {
      const packed = new PackedCells();
      for (const { function_index, pairs } of groups) {
        // What lies behind `length` is of an earlier row.
        const numbers = Uint32Array.from([...pairs.flat(), 7, 7]);
        packed.add(function_index, numbers, 2 * pairs.length);
      }
      const expected = groups.flatMap(({ function_index, pairs }) =>
        pairs.map(([minute, count]): Cell => [function_index, minute, count]),
      );
      t.is(packed.length, expected.length);
      t.deepEqual(cellsOf(packed), expected);
    }),
  );
});

test('a row that has no room in one block goes on in the next', (t) => {
  const packed = new PackedCells();
  const expected: string[] = [];
  // Ten bytes each at most, so that several blocks are filled, and none ends with a row.
  for (let fn = 0; fn < 60; fn += 1) {
    const numbers = new Uint32Array(2 * 1_440);
    for (let at = 0; at < 1_440; at += 1) {
      const [minute, count] = [at * 1_000_003, MOST - at - fn];
      numbers.set([minute, count], 2 * at);
      expected.push([fn, minute, count].join(' '));
    }
    packed.add(fn, numbers, numbers.length);
  }
  t.true(
    cellsOf(packed)
      .map((cell) => cell.join(' '))
      .join('\n') === expected.join('\n'),
  );
});

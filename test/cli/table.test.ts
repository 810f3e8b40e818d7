/** Tables fit whatever terminal they are shown in, and what names hold moves no cursor. */
import test from 'ava';
import { type Column, tableLines } from '../../cli/table.ts';

interface Row {
  readonly name: string;
  readonly count: number;
}

const COLUMNS: readonly Column<Row>[] = [
  { title: 'NAME', text: ({ name }) => name },
  { title: 'COUNT', text: ({ count }) => String(count), is_figure: true },
  { title: 'TWICE', text: ({ count }) => String(2 * count), is_figure: true },
];
const ROWS: readonly Row[] = [
  { name: 'one', count: 7 },
  { name: 'another one', count: 12_345 },
];

test('the columns that fit are shown, the first one always', (t) => {
  t.deepEqual(tableLines(COLUMNS, ROWS, Infinity), [
    'NAME         COUNT  TWICE',
    'one              7     14',
    'another one  12345  24690',
  ]);
  t.deepEqual(tableLines(COLUMNS, ROWS, 20), [
    'NAME         COUNT',
    'one              7',
    'another one  12345',
  ]);
  t.deepEqual(tableLines(COLUMNS, ROWS, 6), ['NAME', 'one', 'anoth…']);
  for (let width = 1; width < 40; width += 1) {
    for (const line of tableLines(COLUMNS, ROWS, width)) t.true(line.length <= width);
  }
});

test('foreign names are made printable', (t) => {
  const [, line] = tableLines(COLUMNS, [{ name: 'a\u001b[2Jb\nc', count: 1 }], Infinity);
  t.regex(line ?? '', /^a\ufffd\[2Jb\ufffdc +1 +2$/);
});

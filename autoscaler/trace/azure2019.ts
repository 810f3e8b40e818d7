/**
 * Readers of the Azure Functions trace 2019 (Microsoft, CC-BY 4.0; Shahrad et al., USENIX ATC 2020)
 * as published: invocations of every function in each minute of a day, and percentiles of its
 * durations. A day has 893 million invocations: what is kept is a count for each minute that has
 * one, and invocations are made of chosen functions only (see minutes.ts).
 */
import { Columns } from './header.ts';
import { numberOf } from './decimal.ts';
import { traceEmpty, traceHeader, traceTooLong } from './errors.ts';
import { type Chunks, readRows } from './input.ts';
import { TRACE_LIMITS } from './limits.ts';
import { MINUTES_PER_DAY, type Durations, functionKey, type MinuteTable } from './minutes.ts';
import type { RuleCounts } from './rules.ts';
import type { ByteScanner } from './scanner.ts';
import type { TraceInput } from './trace.ts';

export const INVOCATION_COLUMNS = ['HashOwner', 'HashApp', 'HashFunction', 'Trigger'] as const;
export const DURATION_SHARES = [0, 0.01, 0.25, 0.5, 0.75, 0.99, 1] as const;
const SHARE_COLUMNS = DURATION_SHARES.map((share) => `percentile_Average_${share * 100}`);
export const DURATION_COLUMNS = [
  'HashOwner',
  'HashApp',
  'HashFunction',
  'Average',
  'Count',
  'Minimum',
  'Maximum',
  ...SHARE_COLUMNS,
];
const ZERO = 0x30;
const MINUS = 0x2d;
const COMMA = 0x2c;
/** `0,0,`, the first byte lowest. */
const ZEROS = 0x2c302c30;
/** All of it but the digits. */
const PAIR_MASK = ~0x000f000f;

/** Which minute of the day each field is; -1: it is none. Throws `HP_TRACE_HEADER`. */
function minutesOf(columns: Columns, header: string): Int32Array {
  const minutes = Int32Array.from(columns.names, (name) =>
    /^\d{1,4}$/.test(name) && Number(name) >= 1 && Number(name) <= MINUTES_PER_DAY
      ? Number(name) - 1
      : -1,
  );
  const known: readonly string[] = INVOCATION_COLUMNS;
  const unknown = columns.names.some((name, at) => minutes[at] === -1 && !known.includes(name));
  const none = minutes.every((minute) => minute < 0);
  const expected = `${INVOCATION_COLUMNS.join(',')},1,...,${MINUTES_PER_DAY}`;
  if (unknown || none) throw traceHeader(columns.path, expected, header);
  return minutes;
}

/** Adds the invocations of one day, counted from 0, to the table. Throws `HP_TRACE_*`. */
export async function readInvocationDay(
  chunks: Chunks,
  path: string,
  about: { readonly day: number; readonly table: MinuteTable; readonly rules: RuleCounts },
): Promise<TraceInput> {
  const { day, table, rules } = about;
  const seen = new Set<number>();
  let parts: DayParts | null = null;
  let rows = 0;
  const input = await readRows(chunks, path, {
    rules,
    onHeader: (row) => {
      parts = dayParts(row, path, rules);
    },
    onRow: (row) => {
      if (!parts) return;
      const { columns, cells } = parts;
      rows += 1;
      if (row.fields <= row.cut_fields) needWhole(row, columns);
      if (hasNegative(row, columns, parts.minutes)) return rules.note('negative-count', row.line);
      const index = functionOf(row, columns, table, rules);
      if (seen.has(index)) {
        needWhole(row, columns);
        return rules.note('duplicate-row', row.line);
      }
      seen.add(index);
      readCounts(row, parts, day * MINUTES_PER_DAY);
      table.addAll(index, cells.numbers, cells.length);
      if (table.cells > TRACE_LIMITS.minute_cells) {
        throw traceTooLong(path, TRACE_LIMITS.minute_cells);
      }
    },
  });
  if (!parts) throw traceHeader(path, `${INVOCATION_COLUMNS.join(',')},1,...`, '');
  if (rows === 0) throw traceEmpty(path);
  return input;
}

/** What the header says of all rows, of which their names are cut and counts read in place. */
function dayParts(row: ByteScanner, path: string, rules: RuleCounts): DayParts {
  const columns = new Columns(row, path, INVOCATION_COLUMNS);
  const minutes = minutesOf(columns, row.whole);
  row.cut_fields = 1 + minutes.findLastIndex((minute) => minute < 0);
  const there = minutes.filter((minute) => minute >= 0).length;
  rules.note('missing-minutes', 1, Number(there < MINUTES_PER_DAY));
  const first_count = minutes.findIndex((minute) => minute >= 0);
  return { columns, minutes, first_count, cells: new RowCells(columns.count), rules };
}

/** Cuts all of a row. Throws `HP_TRACE_ROW` where it has more or fewer fields than the header. */
function needWhole(row: ByteScanner, columns: Columns): void {
  row.cutAll();
  columns.check(row);
}

function functionOf(
  row: ByteScanner,
  columns: Columns,
  table: MinuteTable,
  rules: RuleCounts,
): number {
  const most = TRACE_LIMITS.name_bytes;
  const trigger = columns.text(row, 'Trigger');
  const index = table.indexOf(
    columns.name(row, 'HashOwner', most),
    columns.name(row, 'HashApp', most),
    columns.name(row, 'HashFunction', most),
  );
  const before = table.setTrigger(index, trigger);
  if (before !== null && before !== trigger) rules.note('trigger-changes', row.line);
  return index;
}

function hasNegative(row: ByteScanner, columns: Columns, minutes: Int32Array): boolean {
  // Most rows have no minus anywhere, and are not looked at field by field.
  if (!row.has(MINUS)) return false;
  needWhole(row, columns);
  for (let field = 0; field < row.fields; field += 1) {
    if ((minutes[field] ?? -1) < 0 || row.bytes[row.from(field)] !== MINUS) continue;
    columns.signed(row, columns.names[field] ?? '', TRACE_LIMITS.minute_invocations);
    return true;
  }
  return false;
}

/** Counts of a row that are not 0, on their way into a table; one for all rows of a file. */
class RowCells {
  /** Minute and count by turns. */
  readonly numbers: Uint32Array;
  length = 0;

  constructor(columns: number) {
    this.numbers = new Uint32Array(2 * columns);
  }

  add(minute: number, count: number): void {
    this.numbers[this.length] = minute;
    this.numbers[this.length + 1] = count;
    this.length += 2;
  }
}

interface DayParts {
  readonly columns: Columns;
  /** Which minute of the day each field is; -1: it is none. */
  readonly minutes: Int32Array;
  /** The first field that is one. */
  readonly first_count: number;
  readonly cells: RowCells;
  readonly rules: RuleCounts;
}

/** Reads the counts of a row where they stand. Throws `HP_TRACE_FIELD`, `HP_TRACE_ROW`. */
function readCounts(row: ByteScanner, day: DayParts, first_minute: number): void {
  const { bytes, view } = row;
  const { columns, minutes, cells, rules } = day;
  const end = row.to(row.fields - 1);
  cells.length = 0;
  let field = day.first_count;
  for (let from = row.from(field); ; field += 1) {
    const digits = readDigits(view, { from, end, field }, day, first_minute);
    field += digits;
    from += 2 * digits;
    let to = from;
    let count = 0;
    for (; ; to += 1) {
      const digit = (bytes[to] ?? 0) - ZERO;
      if (digit < 0 || digit > 9) break;
      count = count * 10 + digit;
    }
    const minute = minutes[field] ?? -1;
    const is_plain = to > from && count <= TRACE_LIMITS.minute_invocations;
    if (!is_plain || (bytes[to] !== COMMA && to !== end)) {
      to = fieldEnd(bytes, from, end);
      count = 0;
      if (minute >= 0 && from === to) rules.note('no-data', row.line);
      else if (minute >= 0) count = countOf(row, columns, { field, from, to }, rules);
    }
    if (count > 0 && minute >= 0) cells.add(first_minute + minute, count);
    if (to >= end) break;
    from = to + 1;
  }
  if (field + 1 !== columns.count) needWhole(row, columns);
}

function fieldEnd(bytes: Uint8Array, from: number, end: number): number {
  let at = from;
  while (at < end && bytes[at] !== COMMA) at += 1;
  return at;
}

/** Throws `HP_TRACE_FIELD`. */
function countOf(
  row: ByteScanner,
  columns: Columns,
  { field, from, to }: { readonly field: number; readonly from: number; readonly to: number },
  rules: RuleCounts,
): number {
  const value = numberOf(row.bytes, from, to);
  if (!(value <= TRACE_LIMITS.minute_invocations)) {
    needWhole(row, columns);
    throw columns.badNumber(row, columns.names[field] ?? '', TRACE_LIMITS.minute_invocations);
  }
  const count = Math.round(value);
  if (count !== value) rules.note('fractional-count', row.line);
  return count;
}

/**
 * Nearly all fields are one digit, and nine of ten a 0: how many of such fields, commas too, begin
 * at `from`, an even number. Their counts are added.
 */
function readDigits(
  view: DataView,
  { from, end, field }: { readonly from: number; readonly end: number; readonly field: number },
  { minutes, cells }: DayParts,
  first_minute: number,
): number {
  let at = from;
  for (;;) {
    while (at <= end - 8 && isZeros(view, at) && isZeros(view, at + 4)) at += 8;
    if (at > end - 4) break;
    const pair = view.getInt32(at, true);
    const first = pair & 0xf;
    const second = (pair >> 16) & 0xf;
    if ((pair & PAIR_MASK) !== ZEROS || first > 9 || second > 9) break;
    const place = field + ((at - from) >> 1);
    const minute = minutes[place] ?? -1;
    if (first > 0 && minute >= 0) cells.add(first_minute + minute, first);
    const next = minutes[place + 1] ?? -1;
    if (second > 0 && next >= 0) cells.add(first_minute + next, second);
    at += 4;
  }
  return (at - from) >> 1;
}

const isZeros = (view: DataView, at: number): boolean => view.getInt32(at, true) === ZEROS;

/** Adds the durations of one day; of a function with some already, the first stay. */
export async function readDurationDay(
  chunks: Chunks,
  path: string,
  about: { readonly durations: Map<string, Durations>; readonly rules: RuleCounts },
): Promise<TraceInput> {
  const { durations, rules } = about;
  const seen = new Set<string>();
  let columns: Columns | null = null;
  const input = await readRows(chunks, path, {
    rules,
    onHeader: (row) => {
      columns = new Columns(row, path, DURATION_COLUMNS);
    },
    onRow: (row) => {
      if (!columns) return;
      columns.check(row);
      const key = functionKey({
        owner: columns.text(row, 'HashOwner'),
        app: columns.text(row, 'HashApp'),
        func: columns.text(row, 'HashFunction'),
      });
      const found = durationsOf(row, columns, rules);
      if (seen.has(key)) return rules.note('duplicate-row', row.line);
      seen.add(key);
      if (!durations.has(key)) durations.set(key, found);
    },
  });
  if (!columns) throw traceHeader(path, DURATION_COLUMNS.join(','), '');
  if (seen.size === 0) throw traceEmpty(path);
  return input;
}

function durationsOf(row: ByteScanner, columns: Columns, rules: RuleCounts): Durations {
  const most = TRACE_LIMITS.seconds * 1000;
  const executions = columns.number(row, 'Count', Number.MAX_SAFE_INTEGER);
  const average = columns.signed(row, 'Average', most);
  const percentiles_ms = SHARE_COLUMNS.map((column) => columns.signed(row, column, most));
  const extremes = [columns.signed(row, 'Minimum', most), columns.signed(row, 'Maximum', most)];
  if (average > 0 && extremes.some((value) => value === 0)) rules.note('no-extremes', row.line);
  if (percentiles_ms.some((value, at) => at > 0 && value < (percentiles_ms[at - 1] ?? 0))) {
    rules.note('percentiles-not-ascending', row.line);
  }
  for (const [at, value] of percentiles_ms.entries()) {
    percentiles_ms[at] = Math.max(0, value, percentiles_ms[at - 1] ?? 0);
  }
  if (average < 0) rules.note('negative-average', row.line);
  if (average === 0 && executions > 0) rules.note('zero-average', row.line);
  const average_ms = average < 0 ? (percentiles_ms[3] ?? 0) : average;
  return { executions, average_ms: Math.max(1, average_ms), percentiles_ms };
}

/**
 * Reader of the private set of Huawei's trace of 2023 (Joosen et al., SoCC 2023, CC-BY 4.0):
 * requests a minute, a wide file for each day, `day,time,0,...,199`; `time` in seconds from
 * midnight, an empty field or NaN where there are no data. Its other measures are not read.
 */
import { traceEmpty, traceHeader } from './errors.ts';
import { Columns } from './header.ts';
import { type Chunks, readRows } from './input.ts';
import { TRACE_LIMITS } from './limits.ts';
import { MINUTES_PER_DAY, type MinuteTable } from './minutes.ts';
import type { RuleCounts } from './rules.ts';
import type { ByteScanner } from './scanner.ts';
import type { TraceInput } from './trace.ts';

const HUAWEI_COLUMNS = ['day', 'time'] as const;
const OWNER = 'huawei2023';
/** Days of the set are 0 to 234. */
const DAYS_MAX = 10_000;
const DAY_S = 86_400;

/**
 * Adds one day. `first_day`: what the days of the table count from; `days`: those that it has.
 * Throws `HP_TRACE_*`.
 */
export async function readHuaweiDay(
  chunks: Chunks,
  path: string,
  about: {
    readonly table: MinuteTable;
    readonly rules: RuleCounts;
    readonly days: Set<number>;
    first_day: number | null;
  },
): Promise<TraceInput> {
  const { rules } = about;
  let columns: Columns | null = null;
  let fields: readonly { readonly at: number; readonly index: number; readonly name: string }[] =
    [];
  let rows = 0;
  const input = await readRows(chunks, path, {
    rules,
    onHeader: (row) => {
      const found = new Columns(row, path, HUAWEI_COLUMNS);
      const names = found.names.filter((name) => !['day', 'time'].includes(name));
      if (names.length === 0 || names.some((name) => !/^\d+$/.test(name))) {
        throw traceHeader(path, 'day,time,0,1,...', row.whole);
      }
      fields = names.map((name) => ({
        at: found.indexOf(name),
        index: about.table.indexOf(OWNER, name, name),
        name,
      }));
      columns = found;
    },
    onRow: (row) => {
      if (!columns) return;
      rows += 1;
      columns.check(row);
      const day = columns.number(row, 'day', DAYS_MAX);
      about.first_day ??= day;
      if (day < about.first_day) {
        const first = about.first_day;
        throw columns.bad(row, 'day', String(day), `is before the first day read, ${first}`);
      }
      about.days.add(day - about.first_day);
      const time_s = columns.number(row, 'time', DAY_S - 1);
      const minute = (day - about.first_day) * MINUTES_PER_DAY + Math.floor(time_s / 60);
      for (const { at, index, name } of fields) {
        const count = countOf(row, columns, at, name);
        if (count === null) rules.note('no-data', row.line);
        else if (count > 0) about.table.add(index, minute, count);
      }
    },
  });
  if (!columns) throw traceHeader(path, 'day,time,0,1,...', '');
  if (rows === 0) throw traceEmpty(path);
  return input;
}

function countOf(row: ByteScanner, columns: Columns, at: number, name: string): number | null {
  const from = row.from(at);
  const to = row.to(at);
  if (from === to) return null;
  const first = row.bytes[from];
  const may_be_nan = first === 0x4e || first === 0x6e;
  if (may_be_nan && row.text(at).toLowerCase() === 'nan') return null;
  return Math.round(columns.number(row, name, TRACE_LIMITS.minute_invocations));
}

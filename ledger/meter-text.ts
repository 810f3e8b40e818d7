/** What was metered, for billing: CSV and JSON lines; and for people. Pure. */
import { csvField } from '../base/csv.ts';
import { printable } from '../base/printable.ts';
import type { Metered } from './meter.ts';
import { costOf, type Prices, type WhatIf } from './prices.ts';

export const METER_FORMATS = ['table', 'csv', 'jsonl'] as const;
export type MeterFormat = (typeof METER_FORMATS)[number];

/** Columns of the CSV file, in order; `cost` and `currency` follow where prices were given. */
const COLUMNS = [
  ...(['host', 'tenant', 'function', 'guaranteed_gib_s', 'above_baseline_gib_s'] as const),
  ...(['pool_gib_s', 'idle_gib_s', 'boot_gib_s', 'permit_gib_s', 'busy_gib_s'] as const),
  ...(['error_gib_s', 'plugs', 'unplugs', 'invocations', 'resident_gib_s'] as const),
  ...(['resident_error_gib_s', 'reconciled'] as const),
] as const;

interface Bill {
  readonly from_ms: number;
  readonly to_ms: number;
  readonly prices: Prices | null;
}

export function meterCsv(rows: readonly Metered[], bill: Bill): string {
  const names = ['from_ms', 'to_ms', ...COLUMNS, ...(bill.prices ? ['cost', 'currency'] : [])];
  const lines = rows.map((row) => {
    const cost = bill.prices ? [costOf(row, bill.prices), bill.prices.currency] : [];
    const cells = [bill.from_ms, bill.to_ms, ...COLUMNS.map((name) => row[name]), ...cost];
    return cells.map(csvField).join(',');
  });
  return `${[names.join(','), ...lines].join('\n')}\n`;
}

export function meterJsonLines(rows: readonly Metered[], bill: Bill): string {
  const { from_ms, to_ms, prices } = bill;
  return rows
    .map((row) => {
      const cost = prices ? { cost: costOf(row, prices), currency: prices.currency } : {};
      return `${JSON.stringify({ from_ms, to_ms, ...row, ...cost })}\n`;
    })
    .join('');
}

export function meterTable(
  rows: readonly Metered[],
  what_if: readonly WhatIf[],
  prices: Prices | null,
): string {
  const head = ['function', 'guaranteed', 'above', 'pool', 'idle', 'boot', '+/-', 'resident'];
  const last = [
    'plugs',
    'calls',
    'static',
    'oracle',
    ...(prices ? [printable(prices.currency)] : []),
  ];
  const table = rows.map((row, index) => {
    const other = what_if[index];
    const sizes = [
      row.guaranteed_gib_s,
      row.above_baseline_gib_s,
      row.pool_gib_s,
      row.idle_gib_s,
      row.boot_gib_s,
      row.error_gib_s,
      row.resident_gib_s,
    ];
    return [
      row.host === 'all' ? 'all' : `${row.host} ${row.function}`,
      ...sizes.map(figure),
      String(row.plugs),
      String(row.invocations),
      figure(other?.static_gib_s ?? null),
      figure(other?.oracle_gib_s ?? null),
      ...(prices ? [costOf(row, prices).toFixed(6)] : []),
    ];
  });
  const all = [[...head, ...last], ...table];
  const widths = all[0]?.map((_, at) => Math.max(...all.map((row) => row[at]?.length ?? 0))) ?? [];
  const lines = all.map((row) =>
    row
      .map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)))
      .join('  '),
  );
  const bad = rows.filter(({ reconciled }) => reconciled === false);
  const told = bad.map((row) => `the host held MORE of ${row.function} than it was given`);
  return `GiB s\n${[...lines, ...told].join('\n')}\n`;
}

const figure = (value: number | null): string => (value === null ? 'unknown' : value.toFixed(3));

/** Latencies by share, as text. Pure. */
import { printable } from '../../base/printable.ts';
import { formatBytes } from '../../base/units.ts';
import type { MeasuredClass, MeasuredTable } from './tier-table.ts';

/** `path`: where the table is. */
export function renderTierTable(table: MeasuredTable, path: string): string {
  const { classes, left_out, disturbed, workload } = table;
  return `${[
    ...classes.flatMap(classLines),
    `${workload?.source ?? 'nothing'}: ${printable(workload?.note ?? '')}`,
    ...disturbed.map((what) => `disturbed: ${printable(what)}`),
    ...left_out.map(({ input, why }) => `not in the table: ${printable(input)}: ${why}`),
    '',
    `the table: ${printable(path)} (tiers: { share: auto, table: ... }; simulate tiers --table)`,
  ].join('\n')}\n`;
}

function classLines({ function: name, input, bytes, slo_ms, calls_per_s, rows }: MeasuredClass) {
  const local_ms = rows.find(({ share }) => share === 1)?.latency_ms ?? Number.NaN;
  return [
    `${printable(name)}/${printable(input)}: ${formatBytes(bytes)}, ${calls_per_s.toFixed(2)} calls a second, ` +
      `SLO ${slo_ms.toFixed(2)} ms`,
    '  share near  calls  median ms  of all near',
    ...rows.map(({ share, n, latency_ms }) => {
      const times = `${(latency_ms / local_ms).toFixed(2)}x`;
      const late = latency_ms > slo_ms ? '  beyond the SLO' : '';
      return (
        `  ${share.toFixed(2).padStart(10)}  ${String(n).padStart(5)}  ` +
        `${latency_ms.toFixed(2).padStart(9)}  ${times.padStart(11)}${late}`
      );
    }),
    '',
  ];
}

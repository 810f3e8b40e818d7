/** A run as text. Pure. */
import { formatBytes, formatMs } from '../../base/units.ts';
import { shown, verdictText } from '../check.ts';
import { BUSY_SHARE } from './checks.ts';
import type { AgentBench, AgentBenchReport, Row, Spread3 } from './records.ts';

const NONE = '-';
/** Longest bar of the VMs. */
const PLOT_CHARS = 30;
const COLUMNS = [
  'what',
  'regions',
  'open',
  'a second',
  'CPU each',
  'p50',
  'p99',
  'loop p99',
  'loop max',
  'resident',
  'others',
] as const;

export function renderText(bench: AgentBench, report: AgentBenchReport): string {
  const lines = [
    ...aligned([COLUMNS, ...report.rows.map(cellsOf)]),
    '',
    ...addedLines(report.rows),
    ...scaleLines(bench),
    '',
    ...aligned(
      report.checks.map((check) => {
        const { title, comparison, target, unit, measured, detail } = check;
        const figure = measured === null ? NONE : `${shown(measured)} ${unit}`;
        return [
          title,
          `${comparison} ${target} ${unit}`,
          figure,
          verdictText(check),
          `(${detail})`,
        ];
      }),
    ),
    '',
    'Simulated VMM, guests that answer at once: the cost of the agent alone. CPU is of its process,',
    'user and system; a plug with its unplug has a whole instance in between. Medians of rounds.',
  ];
  return `${lines.join('\n')}\n`;
}

function cellsOf(row: Row): string[] {
  const { kind, name, regions, in_flight } = row.cell;
  return [
    name,
    kind === 'echo' ? NONE : String(regions),
    String(in_flight),
    perSecond(row),
    `${range(row.cpu_ms_each)} ms`,
    ms(row.p50_ms),
    ms(row.p99_ms),
    ms(row.lag_p99_ms),
    ms(row.lag_max_ms),
    formatBytes(row.rss_bytes),
    share(row.others_share),
  ];
}

function perSecond({ per_s }: Row): string {
  return String(Math.round(per_s.median));
}

function range({ median, min, max }: Spread3): string {
  return `${shown(median)} [${shown(min)}-${shown(max)}]`;
}

const ms = (value: number | null): string => (value === null ? NONE : formatMs(value));

function share(value: number | null): string {
  if (value === null) return NONE;
  return `${Math.round(value * 100)} %${value > BUSY_SHARE ? ' busy' : ''}`;
}

function addedLines(rows: readonly Row[]): string[] {
  return rows
    .filter(({ cell }) => cell.kind === 'added')
    .map((row) => {
      const figures = `p50 ${ms(row.added_p50_ms)}, p99 ${ms(row.added_p99_ms)}`;
      return `added to a bare gRPC call, one open: ${figures}`;
    });
}

function scaleLines(bench: AgentBench): string[] {
  const { scale, live, idle, vms, rss_first_bytes, rss_last_bytes } = bench;
  const lines = [
    `resident at the beginning ${formatBytes(rss_first_bytes)}, after all calls ` +
      formatBytes(rss_last_bytes),
  ];
  if (scale) {
    const { functions, regions, scrape } = scale;
    const { status_bytes, status_ms, status_cpu_ms, blocked_ms } = scale;
    lines.push(
      `${functions} functions of ${regions} regions: resident ${formatBytes(scale.rss_bytes)}; ` +
        `status with state: ${formatBytes(status_bytes)} as JSON in ${formatMs(status_ms)}, ` +
        `CPU ${formatMs(status_cpu_ms)}, loop blocked for ${formatMs(blocked_ms)} at most`,
      `a scrape of their metrics: ${formatBytes(scrape.bytes)} in ${formatMs(scrape.ms)} (the ` +
        `first: ${formatMs(scrape.first_ms)}), loop blocked for ${formatMs(scrape.blocked_ms)} ` +
        `at most`,
    );
  }
  if (live) {
    const { latency, operations_per_s, lag_max_ms } = live;
    lines.push(
      `a reader of the live state at ${Math.round(operations_per_s)} operations a second: ` +
        `p50 ${ms(latency.p50_ms)}, p99 ${ms(latency.p99_ms)}; loop at most ${ms(lag_max_ms)} late`,
    );
  }
  if (idle) lines.push(`idle with them: CPU ${formatMs(idle.cpu_ms)} in ${formatMs(idle.wall_ms)}`);
  const most = Math.max(...vms.map(({ rss_bytes }) => rss_bytes));
  for (const { vms: count, regions, rss_bytes, idle: at_rest } of vms) {
    const bar = '#'.repeat(Math.round((PLOT_CHARS * rss_bytes) / most));
    const cpu = `CPU ${formatMs(at_rest.cpu_ms)} in ${formatMs(at_rest.wall_ms)}`;
    const what = `${String(count).padStart(5)} VMs of ${regions} regions`;
    lines.push(`${what}: ${bar} ${formatBytes(rss_bytes)}, idle ${cpu}`);
  }
  return lines;
}

function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths =
    rows[0]?.map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0))) ?? [];
  return rows.map((row) =>
    row
      .map((text, at) => text.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

/** The tables of a run, as text cells: the terminal and the report show the same. Pure. */
import { REFERENCE } from '../plan/cell.ts';
import { boundsOf } from '../../../base/number-list.ts';
import { formatBytes, formatMs, MIB } from '../../../base/units.ts';
import { verdictText, type Check } from '../../check.ts';
import type { BenchManifest } from '../results/records.ts';
import { type HardwarePrices, type Range, REFERENCE_OPERATIONS } from './hardware.ts';
import { PRICE_OPERATIONS, type PriceLine } from '../results/records.ts';
import type { Ratio, Spread } from '../../statistics.ts';
import { lockTable } from './lock.ts';
import type { CellSummary, ConditionSummary, BenchSummary } from './summary.ts';

export interface TextTable {
  readonly title: string;
  readonly note: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

const NONE = '-';

/** `2.81 ms [2.6-4.1]`. */
export function timeText(spread: Spread | null): string {
  if (spread === null) return NONE;
  return `${formatMs(spread.median)} [${short(spread.min)}-${short(spread.max)}]`;
}

export function ratioText(ratio: Ratio | null): string {
  if (ratio === null) return NONE;
  return `${figure(ratio.ratio)}x [${figure(ratio.low)}-${figure(ratio.high)}]`;
}

/** Three significant digits, whole numbers from 100 on. */
export function figure(value: number): string {
  if (Math.abs(value) >= 100) return value.toFixed(0);
  return String(Number(value.toPrecision(3)));
}

export function tablesOf(summary: BenchSummary): TextTable[] {
  return [
    ...summary.conditions.flatMap((one) => [unplugTable(one), aroundTable(one)]),
    priceTable(summary),
    floorTable(summary),
    neighbourTable(summary),
    costTable(summary),
    lockTable(summary),
  ].filter(({ rows }) => rows.length > 0);
}

function unplugTable(one: ConditionSummary): TextTable {
  return {
    title: one.name,
    note: conditionNote(one),
    columns: [
      'mechanism',
      'unplug',
      'times hotmem',
      'estimated on hardware',
      'est. times hotmem',
      'migrated',
      'zeroed',
      'instructions',
      'requests',
      'guest CPU',
      'accepted',
      'in guest',
      'seen by host',
      'host kept',
      'n',
    ],
    rows: one.cells.filter(({ unplugs }) => unplugs > 0).map(unplugRow),
  };
}

function aroundTable(one: ConditionSummary): TextTable {
  return {
    title: `${one.name}: around it`,
    note: '',
    columns: [
      'mechanism',
      'idle unplug',
      'first plug',
      'replug',
      'map left',
      'time of a fault',
      'exit',
    ],
    rows: one.cells.filter(({ unplugs }) => unplugs > 0).map(aroundRow),
  };
}

function conditionNote(one: ConditionSummary): string {
  const huge = one.host_huge_share;
  const pages = huge === null ? '' : `; host pages ${Math.round(huge * 100)} % huge`;
  const floor = one.floor_ms ? `; floor (${one.floor_backing}) ${timeText(one.floor_ms)}` : '';
  return `${formatBytes(one.touched_bytes)} touched in each region${pages}${floor}`;
}

function unplugRow(cell: CellSummary): string[] {
  const left = cell.unplugs_not_done;
  const estimate = cell.hardware_estimate;
  const instructions = estimate?.counts.instructions ?? null;
  return [
    cell.cell.mechanism,
    timeText(cell.plugged_ms),
    cell.cell.mechanism === REFERENCE ? '1' : ratioText(cell.times_hotmem),
    ...estimateTexts(cell),
    countText(cell.pages_migrated),
    estimate && estimate.counts.pages_zeroed > 0 ? counted(estimate.counts.pages_zeroed) : NONE,
    instructions === null ? NONE : counted(instructions),
    countText(cell.vmm_requests),
    timeText(cell.guest_cpu_ms),
    timeText(cell.accepted_ms),
    timeText(cell.guest_ms),
    timeText(cell.resident_ms),
    cell.host_kept_bytes === null ? NONE : formatBytes(cell.host_kept_bytes.median),
    left > 0 ? `${cell.unplugs} (${left} not done)` : String(cell.unplugs),
  ];
}

/** `0.9 s-2.1 s` and `190-490x`; `-` where nothing was estimated. */
export function estimateTexts({ cell, hardware_estimate }: CellSummary): [string, string] {
  if (!hardware_estimate) return [NONE, NONE];
  const { unplug_ms, times_hotmem } = hardware_estimate;
  const times = times_hotmem ? `${rangeText(times_hotmem)}x` : NONE;
  const time = `${formatMs(unplug_ms.low)} to ${formatMs(unplug_ms.high)}`;
  return [time, cell.mechanism === REFERENCE ? '1' : times];
}

const rangeText = ({ low, high }: Range): string => `${figure(low)}-${figure(high)}`;

function aroundRow(cell: CellSummary): string[] {
  return [
    cell.cell.mechanism,
    timeText(cell.idle_unplug_ms),
    timeText(cell.first_plug_ms),
    timeText(cell.replug_ms),
    cell.map_bytes_left === null ? NONE : formatBytes(cell.map_bytes_left),
    cell.fault_ns === null ? NONE : `${(cell.fault_ns.median / 1000).toFixed(2)} µs`,
    timeText(cell.exit_ms),
  ];
}

function priceTable({ prices, hardware_prices }: BenchSummary): TextTable {
  const cost = (where: PriceLine['where'], operation: string): number | null =>
    prices.find((line) => line.where === where && line.operation === operation)?.cost ?? null;
  return {
    title: 'Prices of the estimate on hardware',
    note: hardware_prices ? priceNote(hardware_prices) : '',
    columns: ['operation', 'host', 'emulated guest', 'slower', 'instructions', 'ns each', ''],
    rows: PRICE_OPERATIONS.flatMap((operation) => {
      const [host, guest, instructions] = (['host', 'guest', 'counted'] as const).map((where) =>
        cost(where, operation),
      );
      if ((host ?? guest ?? instructions ?? null) === null) return [];
      return [
        [
          operation,
          nsText(host ?? null),
          nsText(guest ?? null),
          timesText(guest ?? null, host ?? null),
          (instructions ?? null) === null ? NONE : counted(instructions ?? 0),
          timesText(host ?? null, instructions ?? null),
          REFERENCE_OPERATIONS.includes(operation) ? 'reference' : '',
        ],
      ];
    }),
  };
}

function priceNote(prices: HardwarePrices): string {
  const { instruction_ns, slowdown, zeroed_page_ns, migrated_page_instructions } = prices;
  const migrated = migrated_page_instructions
    ? `, ${counted(migrated_page_instructions)} of them for a migrated page`
    : '';
  return (
    'An estimate, not a measurement; bare metal may differ by another factor of two. The host took ' +
    'the target and discarded at its own speed already; the guest has its instructions at ' +
    `${rangeText(instruction_ns)} ns${migrated}, or where they were not counted its time divided ` +
    `by ${rangeText(slowdown)}; a zeroed page is ${rangeText(zeroed_page_ns)} ns. The reference ` +
    'operations give these ranges, per page of 4 KiB (a fork and exit whole). What does not carry ' +
    'over and is in no estimate: exits to the VMM (44 ns emulated, microseconds under KVM), ' +
    'interrupts between CPUs, and the figures of a neighbour.'
  );
}

function nsText(ns: number | null): string {
  if (ns === null) return NONE;
  return ns < 1000 ? `${figure(ns)} ns` : `${figure(ns / 1000)} µs`;
}

function floorTable({ floor }: BenchSummary): TextTable {
  return {
    title: 'Floor: the host alone',
    note: 'The same bytes touched and given back by a process of ours, the whole range in one call.',
    columns: ['region', 'touched', 'host pages', 'discard', 'n'],
    rows: floor
      .filter(({ discard_ms }) => discard_ms !== null)
      .map((line) => [
        formatBytes(line.region_bytes),
        formatBytes(line.touched_bytes),
        line.backing,
        timeText(line.discard_ms),
        String(line.discard_ms?.n ?? 0),
      ]),
  };
}

const msText = (value: number | null): string => (value === null ? NONE : formatMs(value));

function neighbourTable({ neighbour }: BenchSummary): TextTable {
  return {
    title: 'A neighbour in the same guest',
    note:
      'Latency of its requests, in the guest: nothing else going on; of those, what meets a window ' +
      'as long as an unplug (the control); what meets an unplug. Ratios are against the control.',
    columns: [
      'mechanism',
      'request',
      ...['quiet', 'control', 'busy'].flatMap((when) => [`${when} p50`, `${when} p99`, 'n']),
      'p50 ratio',
      'p99 ratio',
    ],
    rows: neighbour.map((one) => [
      one.mechanism,
      one.request,
      msText(one.quiet_p50_ms),
      msText(one.quiet_p99_ms),
      String(one.quiet_n),
      msText(one.sham_p50_ms),
      msText(one.sham_p99_ms),
      String(one.sham_n),
      msText(one.busy_p50_ms),
      msText(one.busy_p99_ms),
      String(one.busy_n),
      timesText(one.busy_p50_ms, one.sham_p50_ms),
      timesText(one.busy_p99_ms, one.sham_p99_ms),
    ]),
  };
}

const timesText = (above: number | null, below: number | null): string =>
  above !== null && below ? figure(above / below) : NONE;

function costTable({ cost }: BenchSummary): TextTable {
  return {
    title: 'What the feature costs',
    note: 'Off, counted and lock: guest instructions. Attached: nanoseconds of a fault.',
    columns: ['part', 'what', 'region', 'threads', 'variant', 'median', 'min', 'max', 'n'],
    rows: cost.flatMap(({ part, metric, threads, variant, region_bytes, ns }) =>
      ns === null
        ? []
        : [
            [
              part,
              metric,
              formatBytes(region_bytes),
              String(threads),
              variant,
              ...[ns.median, ns.min, ns.max].map(counted),
            ].concat(String(ns.n)),
          ],
    ),
  };
}

const counted = (value: number): string => Math.round(value).toLocaleString('en-US');

export function checkTable(checks: readonly Check[]): TextTable {
  return {
    title: 'Must hold',
    note: '',
    columns: ['what', 'target', 'measured', 'verdict', 'from'],
    rows: checks.map((check) => [
      check.title,
      `${check.comparison} ${check.target} ${check.unit}`,
      check.measured === null ? NONE : `${figure(check.measured)} ${check.unit}`,
      verdictText(check),
      check.detail,
    ]),
  };
}

/** What every figure depends on, in one paragraph. */
export function headLines(manifest: BenchManifest): string[] {
  const { host, versions, accelerator } = manifest;
  const claim =
    accelerator === 'tcg'
      ? [
          'Under TCG (an emulated CPU) no absolute time is a claim: compare within this run only. ' +
            '"Estimated on hardware" is no measurement: prices and what is left out are below.',
        ]
      : [];
  return [
    `${versions.vmm}, ${accelerator}; guest Linux ${versions.guest_kernel}, ${manifest.vcpus} vCPUs, ` +
      `${formatBytes(manifest.boot_bytes)} boot memory`,
    `host: ${host.cpu}, ${host.cores} cores, ${Math.round(host.memory_bytes / MIB / 1024)} GiB, ` +
      `Linux ${host.kernel}, huge pages ${host.huge_pages}, load ${host.load_before}`,
    ...claim,
  ];
}

/** Columns wide enough for their cells; those that say nothing are left out. */
export function renderText(table: TextTable): string {
  const used = table.columns.map(
    (_, index) => index === 0 || table.rows.some((row) => ![NONE, ''].includes(row[index] ?? '')),
  );
  const lines = [table.columns, ...table.rows].map((row) => row.filter((_, index) => used[index]));
  const widths = (lines[0] ?? []).map(
    (_, index) => boundsOf(lines.map((row) => (row[index] ?? '').length)).high,
  );
  const body = lines.map((row) =>
    `  ${row.map((cell, index) => cell.padEnd(widths[index] ?? 0)).join('  ')}`.trimEnd(),
  );
  return [table.title, ...(table.note ? [`  ${table.note}`] : []), ...body].join('\n');
}

function countText(spread: Spread | null): string {
  if (spread === null) return NONE;
  if (spread.min === spread.max) return counted(spread.median);
  return `${counted(spread.median)} [${counted(spread.min)}-${counted(spread.max)}]`;
}

const short = (ms: number): string => (ms < 10 ? figure(ms) : ms.toFixed(0));

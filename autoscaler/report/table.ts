/** The comparison of mechanisms as rows of text, for the terminal and for the page. Pure. */
import { formatBytes, formatMs } from '../../base/units.ts';
import type { MechanismSummary, Summary } from './summary.ts';
import type { Distribution } from './statistics.ts';

export interface TableRow {
  readonly label: string;
  /** One per mechanism. */
  readonly cells: readonly string[];
}

export interface TableGroup {
  readonly title: string;
  readonly rows: readonly TableRow[];
}

const NONE = '–';
/** More invocations than this beyond the window, and the run is called overloaded. */
const OVERLOAD_SHARE = 0.05;
const NOT_REACHED = 'not reached';

type Cell = (one: MechanismSummary) => string;

export function comparison(summary: Summary): TableGroup[] {
  const row = (text: string, cell: Cell): TableRow => ({
    label: text,
    cells: summary.mechanisms.map((one) => cell(one)),
  });
  const window = formatMs(summary.window_ms);
  return [
    {
      title: `memory, GiB·s over the window of ${window} (change against ${summary.baseline})`,
      rows: [
        row('committed', (one) => cost(one, 'committed')),
        row('plugged', (one) => cost(one, 'plugged')),
        row('used', (one) => cost(one, 'used')),
        row('resident', (one) => cost(one, 'resident')),
        row('resident, regions only', (one) => cost(one, 'region_resident')),
      ],
    },
    {
      title: 'plug, since the request (p50 / p99 / max)',
      rows: [
        row('wait before the request', (one) => spread(one.operations.plug.queued)),
        row('accepted', (one) => spread(one.operations.plug.accepted)),
        row('plugged', (one) => spread(one.operations.plug.plugged)),
        row('outcomes', (one) => outcomes(one.operations.plug.outcomes)),
      ],
    },
    {
      title: 'unplug, since the request (p50 / p99 / max)',
      rows: [
        row('wait before the request', (one) => spread(one.operations.unplug.queued)),
        row('accepted', (one) => spread(one.operations.unplug.accepted)),
        row('plugged', (one) => spread(one.operations.unplug.plugged)),
        row('resident', (one) => spread(one.operations.unplug.resident)),
        row('outcomes', (one) => outcomes(one.operations.unplug.outcomes)),
        row('not unplugged', (one) => formatBytes(one.operations.unplug.not_unplugged_bytes)),
        row('pages migrated', (one) => count(one.pages_migrated.whole_run)),
        row('  summed over operations', (one) => String(one.pages_migrated.in_operations)),
      ],
    },
    { title: 'invocations', rows: invocationRows(row) },
    { title: 'checks', rows: checkRows(row) },
  ];
}

function invocationRows(row: (text: string, cell: Cell) => TableRow): TableRow[] {
  return [
    row('done of planned', ({ invocations }) => {
      const { refused, failed, interrupted } = invocations.outcomes;
      const rest = [
        refused > 0 ? `${refused} refused` : '',
        failed > 0 ? `${failed} failed` : '',
        interrupted > 0 ? `${interrupted} interrupted` : '',
      ].filter((text) => text !== '');
      const done = `${invocations.outcomes.done} of ${invocations.planned}`;
      return rest.length === 0 ? done : `${done} (${rest.join(', ')})`;
    }),
    row('not within the window', ({ invocations }) => String(invocations.not_within_window)),
    row('latency p50 / p99', (one) => pair(one.invocations.latency)),
    row('warm p50 / p99', (one) => pair(one.invocations.latency_warm)),
    row('cold p50 / p99', (one) => pair(one.invocations.latency_cold)),
    row('slowdown p50 / p99', ({ invocations }) => {
      const { p50, p99 } = invocations.slowdown;
      return invocations.latency.n === 0 ? NONE : `${times(p50)} / ${times(p99)}`;
    }),
    row('cold starts', ({ invocations }) =>
      invocations.cold_share === null
        ? NONE
        : `${invocations.cold_starts} (${percent(invocations.cold_share)})`,
    ),
    row('cold start p50 / p99', (one) => pair(one.invocations.cold_start.total)),
    row('  plug, since decided', (one) => pair(one.invocations.cold_start.plug)),
    row('  sandbox, since decided', (one) => pair(one.invocations.cold_start.sandbox)),
    row('  ready, since both', (one) => pair(one.invocations.cold_start.ready)),
  ];
}

function checkRows(row: (text: string, cell: Cell) => TableRow): TableRow[] {
  return [
    row('VMM, guest, host agree', ({ final_agreement }) => {
      if (final_agreement.agree === null) return 'not checked';
      return final_agreement.agree ? 'yes' : `no (${final_agreement.disagreements.length})`;
    }),
    row('plugged at the end', (one) =>
      one.final_agreement.agree === null
        ? NONE
        : formatBytes(one.final_agreement.vmm_plugged_bytes),
    ),
    row('OOM kills', (one) => count(one.oom_kills)),
    row('sent late, p99', (one) => time(one.invocations.lateness, 'p99_ms')),
    row('longest memory gap', (one) => formatMs(one.longest_memory_gap_ms)),
    row('run', (one) => one.status),
  ];
}

/** The table for a terminal, at most as wide as its contents. */
export function renderTable(summary: Summary): string {
  const groups = comparison(summary);
  const names = summary.mechanisms.map((one) => one.mechanism);
  const rows = groups.flatMap((group) => group.rows);
  const first = Math.max(...rows.map((row) => row.label.length + 2));
  const widths = names.map((name, index) =>
    Math.max(name.length, ...rows.map((row) => (row.cells[index] ?? '').length)),
  );
  const draw = (head: string, cells: readonly string[]): string =>
    [head.padEnd(first), ...cells.map((cell, i) => cell.padStart(widths[i] ?? 0))]
      .join('   ')
      .trimEnd();
  const lines = [draw('', names)];
  for (const group of groups) {
    lines.push(group.title, ...group.rows.map((row) => draw(`  ${row.label}`, row.cells)));
  }
  lines.push('', ...footnotes(summary));
  return `${lines.join('\n')}\n`;
}

/** What a reader has to know to read the table. */
export function footnotes(summary: Summary): string[] {
  const notes = [baselineNote(summary), `Percentiles: ${summary.percentile_definition}.`];
  const accelerators = new Set(summary.mechanisms.map((one) => one.accelerator));
  if (accelerators.has('tcg')) {
    notes.push('Under TCG no absolute time is a claim; compare mechanisms within this run.');
  }
  for (const { mechanism, invocations } of summary.mechanisms) {
    const { not_within_window: late, planned } = invocations;
    if (planned === 0 || late / planned <= OVERLOAD_SHARE) continue;
    notes.push(
      `${mechanism}: ${late} of ${planned} invocations did not finish within the window. The host ` +
        'could not keep up, so the GiB·s are of another load than planned.',
    );
  }
  const early = summary.mechanisms.filter((one) => !one.comparable);
  for (const one of early) {
    const seen = formatMs(one.observed_ms);
    notes.push(`${one.mechanism} was observed for ${seen} only; its GiB·s cannot be compared.`);
  }
  for (const file of summary.torn_files) notes.push(`${file}: the last line was cut off.`);
  return notes;
}

/** The baseline by name, or that this run has none. */
export function baselineNote(summary: Summary): string {
  const there = summary.mechanisms.some((one) => one.mechanism === summary.baseline);
  return there
    ? `Baseline: ${summary.baseline}, the VM that keeps all of its memory all of the time.`
    : `This run has no baseline: ${summary.baseline} was not replayed, so no saving is stated.`;
}

function cost(one: MechanismSummary, field: keyof MechanismSummary['memory_gib_s']): string {
  const saving = one.saving[field];
  const text = one.memory_gib_s[field].toFixed(2);
  return saving === null ? text : `${text} (${percent(-saving, true)})`;
}

function spread(values: Distribution): string {
  if (values.n === 0) return NONE;
  return [time(values, 'p50_ms'), time(values, 'p99_ms'), time(values, 'max_ms')].join(' / ');
}

function pair(values: Distribution): string {
  if (values.n === 0) return NONE;
  return `${time(values, 'p50_ms')} / ${time(values, 'p99_ms')}`;
}

function time(values: Distribution, field: 'p50_ms' | 'p99_ms' | 'max_ms'): string {
  if (values.n === 0) return NONE;
  const value = values[field];
  return value === null ? NOT_REACHED : formatMs(value);
}

function outcomes(counts: MechanismSummary['operations']['plug']['outcomes']): string {
  const parts = Object.entries(counts)
    .filter(([, number]) => number > 0)
    .map(([name, number]) => `${number} ${name}`);
  return parts.length === 0 ? NONE : parts.join(', ');
}

function count(value: number | null): string {
  return value === null ? NONE : String(value);
}

function times(value: number | null): string {
  if (value === null) return NOT_REACHED;
  return `${value.toFixed(value < 10 ? 2 : 0)}×`;
}

/** `12.3 %`; signed: `+3.0 %`, `−41.2 %`. */
export function percent(share: number, signed = false): string {
  const text = `${(Math.abs(share) * 100).toFixed(1)} %`;
  if (!signed) return text;
  return share < 0 ? `−${text}` : `+${text}`;
}

/** The comparison of mechanisms as rows of text, for the terminal and for the page. Pure. */
import { boundsOf } from '../../base/number-list.ts';
import { printable } from '../../base/printable.ts';
import { formatBytes, formatMs } from '../../base/units.ts';
import { countText, NONE, percent, SPREAD_HEAD, spread, timesText } from './figures.ts';
import { footnotes } from './notes.ts';
import type { MechanismSummary, MemoryFigures, Summary } from './summary.ts';

export interface TableRow {
  readonly label: string;
  /** One per mechanism. */
  readonly cells: readonly string[];
}

export interface TableGroup {
  readonly title: string;
  readonly rows: readonly TableRow[];
}

/** Names of mechanisms are text from outside, too. */
const LONGEST_NAME = 40;

type Cell = (one: MechanismSummary) => string;
type MakeRow = (text: string, cell: Cell) => TableRow;

export function comparison(summary: Summary): TableGroup[] {
  const row: MakeRow = (text, cell) => ({
    label: text,
    cells: summary.mechanisms.map((one) => cell(one)),
  });
  const groups = [
    { title: memoryTitle(summary), rows: memoryRows(row, summary) },
    { title: `plug, since the request (${SPREAD_HEAD})`, rows: plugRows(row) },
    { title: `unplug, since the request (${SPREAD_HEAD})`, rows: unplugRows(row) },
    { title: `instance starts (${SPREAD_HEAD})`, rows: startRows(row) },
    { title: 'invocations', rows: invocationRows(row, summary) },
    { title: 'who waited for what', rows: waitRows(row, summary) },
    { title: 'the host meanwhile (means over the window)', rows: hostRows(row) },
    { title: 'checks', rows: checkRows(row, summary) },
  ];
  return groups.map((group) => ({ ...group, rows: group.rows.filter((one) => !isEmpty(one)) }));
}

function isEmpty(row: TableRow): boolean {
  return row.label === '';
}

function memoryTitle(summary: Summary): string {
  const others = summary.mechanisms.some((one) => one.saving.committed !== null);
  const change = others ? ` (change against ${printable(summary.baseline, LONGEST_NAME)})` : '';
  const { warm_up } = summary;
  const after = warm_up ? ` after ${formatMs(warm_up.ms)} of warm-up` : '';
  return `memory, GiB·s over the window of ${formatMs(summary.window_ms)}${after}${change}`;
}

function memoryRows(row: MakeRow, summary: Summary): TableRow[] {
  const ideal = summary.ideal;
  return [
    row('committed', (one) => cost(one, 'committed')),
    row('plugged', (one) => cost(one, 'plugged')),
    row('used', (one) => cost(one, 'used')),
    row('resident', (one) => cost(one, 'resident')),
    row('resident, regions only', (one) => cost(one, 'region_resident')),
    row('committed, for each in time', (one) => costEach(one, 'committed')),
    row('resident, for each in time', (one) => costEach(one, 'resident')),
    row(ideal ? 'of the possible saving' : '', (one) =>
      one.reached_of_ideal === null ? NONE : percent(one.reached_of_ideal),
    ),
  ];
}

function plugRows(row: MakeRow): TableRow[] {
  return [
    row('wait before the request', (one) => spread(one.operations.plug.queued)),
    row('accepted', (one) => spread(one.operations.plug.accepted)),
    row('plugged', (one) => spread(one.operations.plug.plugged)),
    row('outcomes', (one) => outcomes(one.operations.plug.outcomes)),
  ];
}

function unplugRows(row: MakeRow): TableRow[] {
  return [
    row('wait before the request', (one) => spread(one.operations.unplug.queued)),
    row('accepted', (one) => spread(one.operations.unplug.accepted)),
    row('plugged', (one) => spread(one.operations.unplug.plugged)),
    row('resident', (one) => spread(one.operations.unplug.resident)),
    row('outcomes', (one) => outcomes(one.operations.unplug.outcomes)),
    row('not unplugged', (one) => formatBytes(one.operations.unplug.not_unplugged_bytes)),
    row('pages migrated', (one) => countText(one.pages_migrated.whole_run)),
    row('  summed over operations', (one) => countText(one.pages_migrated.in_operations)),
  ];
}

function startRows(row: MakeRow): TableRow[] {
  return [
    row('started, whoever they served', (one) => countText(one.instance_starts)),
    row('ready, since decided', (one) => spread(one.operations.starts.total)),
    row('  plugged, since decided', (one) => spread(one.operations.starts.plug)),
    row('  sandbox, since decided', (one) => spread(one.operations.starts.sandbox)),
    row('  ready, since both', (one) => spread(one.operations.starts.ready)),
  ];
}

function invocationRows(row: MakeRow, summary: Summary): TableRow[] {
  const cpu = summary.mechanisms.some((one) => one.invocations.guest_cpu.touch_ms !== null);
  return [
    row('done of planned', ({ invocations }) => doneOfPlanned(invocations)),
    row('not within the window', ({ invocations }) => String(invocations.not_within_window)),
    row('in time', ({ invocations: { in_time, planned } }) =>
      planned === 0 ? NONE : `${in_time} (${percent(in_time / planned)})`,
    ),
    row('latency', (one) => spread(one.invocations.latency)),
    row('  that did not wait', (one) => spread(one.invocations.latency_not_waited)),
    row('  that waited', (one) => spread(one.invocations.latency_waited)),
    row('slowdown', ({ invocations: { slowdown } }) => {
      if (slowdown.n === 0) return NONE;
      const { p99 } = slowdown;
      const tail = p99 === undefined ? '' : `, p99 ${timesText(p99)}`;
      const range = ` [${timesText(slowdown.min)}-${timesText(slowdown.max)}]`;
      return `${timesText(slowdown.p50)}${range}${tail}, n = ${slowdown.n}`;
    }),
    row('  once it had an instance', ({ invocations: { service_slowdown_p50: slowdown } }) =>
      slowdown === null ? NONE : timesText(slowdown),
    ),
    row(cpu ? 'guest CPU in touching' : '', ({ invocations: { guest_cpu } }) => {
      const { total_ms, touch_ms } = guest_cpu;
      return touch_ms === null || total_ms <= 0 ? NONE : percent(touch_ms / total_ms);
    }),
  ];
}

function doneOfPlanned({ outcomes: found, planned }: MechanismSummary['invocations']): string {
  const { refused, failed, interrupted, not_sent } = found;
  const rest = [
    refused > 0 ? `${refused} refused` : '',
    failed > 0 ? `${failed} failed` : '',
    interrupted > 0 ? `${interrupted} interrupted` : '',
    not_sent > 0 ? `${not_sent} not sent` : '',
  ].filter((text) => text !== '');
  const done = `${found.done} of ${planned}`;
  return rest.length === 0 ? done : `${done} (${rest.join(', ')})`;
}

/** The counts add up to the planned invocations; kinds that nowhere occurred have no row. */
function waitRows(row: MakeRow, summary: Summary): TableRow[] {
  const counts = [
    ['did not wait', 'not_waited'],
    ['waited for a new instance', 'waited_for_start'],
    ['waited for one in use', 'waited_for_other'],
    ['not recorded', 'unknown'],
    ['never got one', 'never_given'],
    ['without an answer', 'unanswered'],
    ['not sent', 'not_sent'],
  ] as const;
  const seldom: readonly string[] = ['unknown', 'never_given', 'unanswered', 'not_sent'];
  return [
    ...counts
      .filter(
        ([, field]) =>
          !seldom.includes(field) ||
          summary.mechanisms.some((one) => one.invocations.waits[field] > 0),
      )
      .map(([text, field]) => row(text, (one) => String(one.invocations.waits[field]))),
    row('wait, of those that did', (one) => spread(one.invocations.waits.wait)),
    row('wait, all callers together', (one) => formatMs(one.invocations.waits.wait_total_ms)),
  ];
}

const share = (value: number | null): string => (value === null ? NONE : percent(value));

function hostRows(row: MakeRow): TableRow[] {
  return [
    row('CPU taken by others', ({ load }) =>
      load.observed_share === null ? 'load not observed' : share(load.other_cpu_share),
    ),
    row('CPU taken by the run', ({ load }) => share(load.own_cpu_share)),
    row('CPU taken by a hypervisor below', ({ load }) => share(load.steal_share)),
    row('time with tasks waiting for CPU', ({ load }) => share(load.psi_cpu_some_share)),
    row('time with tasks waiting for memory', ({ load }) => share(load.psi_memory_some_share)),
    row('replay held up, at worst', ({ load: { event_loop_lag_max_ms: lag_ms } }) =>
      lag_ms === null ? NONE : formatMs(lag_ms),
    ),
    row('memory available, at least', ({ load: { mem_available_min_bytes: left } }) =>
      left === null ? NONE : formatBytes(left),
    ),
  ];
}

function checkRows(row: MakeRow, summary: Summary): TableRow[] {
  return [
    row('compared', (one) => {
      if (one.saving_per_in_time.committed !== null && one.saving.committed === null) {
        return 'by each in time';
      }
      if (one.not_compared.length > 0) return `no: ${one.not_compared[0]?.code ?? ''}`;
      if (one.mechanism === summary.baseline) return 'the baseline';
      return one.saving.committed === null ? 'no baseline' : 'yes';
    }),
    row('marked', (one) => (one.marks.length === 0 ? 'no' : one.marks.join(', '))),
    row('VMM, guest, host agree', ({ final_agreement }) => {
      if (final_agreement.agree === null) return 'not checked';
      return final_agreement.agree ? 'yes' : `no (${final_agreement.disagreements.length})`;
    }),
    row('plugged at the end', ({ final_agreement: { agree, vmm_plugged_bytes: bytes } }) => {
      if (agree === null) return NONE;
      return bytes === null ? 'not known' : formatBytes(bytes);
    }),
    row(summary.mechanisms.some((one) => one.failures) ? 'failures on purpose' : '', (one) => {
      if (!one.failures) return NONE;
      const { injected, not_injected } = one.failures;
      return not_injected === 0 ? String(injected) : `${injected} (${not_injected} not possible)`;
    }),
    row('OOM kills', (one) => countText(one.oom_kills)),
    row('sent late', (one) => spread(one.invocations.lateness)),
    row('longest memory gap', (one) => formatMs(one.longest_memory_gap_ms)),
    row('run', (one) => one.status),
  ];
}

/** The table for a terminal, at most as wide as its contents. */
export function renderTable(summary: Summary): string {
  const groups = comparison(summary);
  const names = summary.mechanisms.map((one) => printable(one.mechanism, LONGEST_NAME));
  const rows = groups.flatMap((group) => group.rows);
  const first = boundsOf(rows.map((row) => row.label.length + 2)).high;
  const widths = names.map((name, index) =>
    Math.max(name.length, boundsOf(rows.map((row) => (row.cells[index] ?? '').length)).high),
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

function cost(one: MechanismSummary, field: keyof MemoryFigures): string {
  const gib_s = one.memory_gib_s[field];
  if (gib_s === null) return 'not known';
  const saving = one.saving[field];
  return saving === null ? gib_s.toFixed(2) : `${gib_s.toFixed(2)} (${percent(-saving, true)})`;
}

function costEach(one: MechanismSummary, field: keyof MemoryFigures): string {
  const gib_s = one.memory_gib_s_per_in_time[field];
  if (gib_s === null) return NONE;
  const saving = one.saving_per_in_time[field];
  const text = gib_s.toPrecision(3);
  return saving === null ? text : `${text} (${percent(-saving, true)})`;
}

function outcomes(counts: MechanismSummary['operations']['plug']['outcomes']): string {
  const parts = Object.entries(counts)
    .filter(([, number]) => number > 0)
    .map(([name, number]) => `${number} ${name}`);
  return parts.length === 0 ? NONE : parts.join(', ');
}

/** A run as text. Pure. */
import { formatBytes, formatMs, MIB } from '../../base/units.ts';
import { shown } from '../check.ts';
import { checkTable, renderText, type TextTable } from '../reclaim/report/table.ts';
import { type SpanTimes, OPEN_PARTS, type SpansSummary } from './figures.ts';
import type { SpansLine, SpansReport } from './records.ts';

const OPEN_TEXTS: Readonly<Record<(typeof OPEN_PARTS)[number], string>> = {
  told: 'guest said, agent heard',
  behind: 'behind the close before',
  decided: 'decided',
  sent: 'sent to the VMM',
  plugged: 'plugged',
};

/** Everything a run has to say, below its head lines. */
export function renderSpans({ lines, summary, checks }: SpansReport): string {
  const tables = [heldTable(lines), backTable(summary), openTable(summary), closeTable(summary)];
  return `${[...tables, checkTable(checks)].map(renderText).join('\n\n')}\n`;
}

function heldTable(lines: readonly SpansLine[]): TextTable {
  return {
    title: "The VMM's process on the host (MiB)",
    note: "One invocation each. Without translated code. Static's memory is unmapped as often.",
    columns: ['mechanism', 'times', 'before', 'most', 'end', 'call', 'failed'],
    rows: lines.map(({ mechanism, times, held, call_ms, reason }) => [
      mechanism,
      String(times),
      ...[held.before, held.most, held.end].map((bytes) => String(Math.round(bytes / MIB))),
      formatMs(call_ms),
      reason ?? 'no',
    ]),
  };
}

function backTable({ opened, closed, not_back, disagree, touched_bytes }: SpansSummary): TextTable {
  return {
    title: 'Spans',
    note: 'After a close VMM and host are asked what is left of it, and the guest where it has time.',
    columns: ['opened', 'closed', 'left something', 'guest disagrees', 'resident before its close'],
    rows: [
      [
        String(opened),
        String(closed),
        String(not_back),
        String(disagree),
        touched_bytes ? touched_bytes.map(formatBytes).join(' to ') : '-',
      ],
    ],
  };
}

function rowOf(title: string, of: SpanTimes): string[] {
  return [title, String(of.n), ...[of.p50_ms, of.p99_ms, of.most_ms].map(shown)];
}

const COLUMNS = ['part', 'n', 'p50', 'p99', 'most'];

function openTable({ open }: SpansSummary): TextTable {
  return {
    title: 'An open (ms)',
    note: '',
    columns: COLUMNS,
    rows: [
      ...OPEN_PARTS.map((part) => rowOf(OPEN_TEXTS[part], open[part])),
      rowOf('handed over and mapped', open.handed_over),
      rowOf('all, by the program', open.all),
      rowOf("agent's own: free to sent", open.own),
    ],
  };
}

function closeTable({ close }: SpansSummary): TextTable {
  return {
    title: 'A close (ms)',
    note: 'The program goes on when it is answered; the others count from the request to the VMM.',
    columns: COLUMNS,
    rows: [
      rowOf('answered, by the program', close.answered),
      rowOf('the VMM has it', close.vmm_has_it),
      rowOf('the host has it', close.host_has_it),
    ],
  };
}

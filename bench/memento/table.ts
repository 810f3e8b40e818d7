/** A run as text. Pure. */
import { shown } from '../check.ts';
import {
  checkTable,
  ratioText,
  renderText,
  type TextTable,
  timeText,
} from '../reclaim/report/table.ts';
import type { MementoFigures } from './figures.ts';
import type { AgentPages, MementoReport } from './records.ts';
import type { StartKind } from './subjects.ts';

/** Everything a run has to say, below its head lines. */
export function renderMemento({ summary, pages, checks }: MementoReport): string {
  const tables = [
    callTable(summary.figures, 'plugged'),
    callTable(summary.figures, 'warm'),
    pageTable(pages),
    PUBLISHED,
    checkTable(checks),
  ];
  return `${tables.map(renderText).join('\n\n')}\n`;
}

const ABOUT: Readonly<Record<StartKind, readonly [title: string, note: string]>> = {
  plugged: [
    'A start in memory that stands ready',
    'From the request to the first byte of the answer; an arena is touched before the call.',
  ],
  warm: [
    'The first call of an instance that was started ahead',
    'The path of a request alone: what the program touches, it touches for the first time.',
  ],
};

function callTable(figures: readonly MementoFigures[], start: StartKind): TextTable {
  const [title, note] = ABOUT[start];
  return {
    title,
    note: `${note} Over off: medians, 95 % in brackets.`,
    columns: ['function', 'arm', 'first byte', 'over off', 'call', 'over off', 'faults', 'n'],
    rows: figures
      .filter((one) => one.start === start)
      .map((one) => [
        one.function,
        one.arm,
        timeText(one.first_byte_ms),
        ratioText(one.first_byte_over_off),
        timeText(one.call_ms),
        ratioText(one.call_over_off),
        shown(one.minor_faults),
        String(one.first_byte_ms?.n ?? 0),
      ]),
  };
}

function pageTable(all: readonly AgentPages[]): TextTable {
  return {
    title: 'Pages that the guest kernels cleared',
    note: 'By their own count since boot, of all calls of a function. -: it does not count.',
    columns: ['agent', 'function', 'cleared for somebody', 'were zero', 'cleared ahead', 'twice'],
    rows: all.map(({ agent, function: name, pages }) => [
      agent,
      name,
      ...[pages?.cleared, pages?.skipped, pages?.prepared, pages?.cleared_twice].map((count) =>
        count === undefined ? '-' : String(count),
      ),
    ]),
  };
}

const PUBLISHED: TextTable = {
  title: 'Published, and not ours: Memento (MICRO 2023), simulated hardware beside a CPU',
  note: 'Other functions on another machine: nothing here is measured by this bench.',
  columns: ['figure', 'published'],
  rows: [
    ['functions faster by', '8 to 28 %, 16 % on average'],
    ['less memory traffic', '30 %'],
    ['lower price', '29 %'],
  ],
};

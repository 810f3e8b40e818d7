/** Counted stores as text. Pure. */
import { formatBytes } from '../../../base/units.ts';
import { checkTable, renderText, type TextTable } from '../../reclaim/report/table.ts';
import { PAGE_BYTES, TOUCH_BYTES } from './pages.ts';
import type { CountedReport } from './records.ts';

/** Everything a run has to say, below its head lines. */
export function renderCounted(report: CountedReport): string {
  return `${[storeTable(report), kernelTable(report), checkTable(report.checks)]
    .map(renderText)
    .join('\n\n')}\n`;
}

function storeTable({ lives, options }: CountedReport): TextTable {
  const pages = options.bytes / PAGE_BYTES;
  return {
    title: 'Bytes stored in a region, from its plug to its unplug',
    note:
      `Counted by a plugin of the emulator, page by page. The call touches ${pages} pages and ` +
      `stores ${TOUCH_BYTES} bytes in each; pages that the program uses otherwise are its own.`,
    columns: [
      'arm',
      'round',
      'stored ahead',
      'cleared ahead',
      'stored at the start',
      'cleared',
      'stored by the call',
      'cleared',
      'touched',
      'twice',
      'own pages',
      'own bytes',
    ],
    rows: lives.map(({ arm, round, windows, ...life }) => [
      arm,
      String(round),
      ...(['ahead', 'start', 'call'] as const).flatMap((name) => [
        formatBytes(windows[name].stored_bytes),
        String(windows[name].cleared_pages),
      ]),
      ...[life.touched_pages, life.twice_pages, life.own_pages, life.own_bytes].map(String),
    ]),
  };
}

function kernelTable({ lives }: CountedReport): TextTable {
  return {
    title: 'What the guest kernel says of the same',
    note: 'Cleared for somebody has pages of the other kind, too. -: it does not count.',
    columns: ['arm', 'round', 'cleared for somebody', 'were zero', 'cleared ahead', 'twice'],
    rows: lives.map(({ arm, round, kernel }) => [
      arm,
      String(round),
      ...[kernel?.cleared, kernel?.skipped, kernel?.prepared, kernel?.cleared_twice].map((count) =>
        count === undefined ? '-' : String(count),
      ),
    ]),
  };
}

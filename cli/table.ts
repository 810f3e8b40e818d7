/** Tables for people, as wide as a terminal at most. Pure. */
import { printable } from '../base/printable.ts';

export interface Column<Row> {
  readonly title: string;
  readonly text: (row: Row) => string;
  /** A number or a size: at the right. */
  readonly is_figure?: true;
}

const GAP = '  ';

/** A terminal that is too narrow has the first columns, as many as fit; the last text is cut. */
export function tableLines<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  width: number,
): string[] {
  const cells = columns.map(({ title, text }) => [title, ...rows.map((row) => shown(text(row)))]);
  const widths = cells.map((texts) => texts.reduce((most, text) => Math.max(most, text.length), 0));
  let used = -GAP.length;
  const fitting = columns.filter((_, index) => {
    used += GAP.length + (widths[index] ?? 0);
    return index === 0 || used <= width;
  });
  return Array.from({ length: rows.length + 1 }, (_, line) => {
    const texts = fitting.map(({ is_figure }, index) => {
      const text = cells[index]?.[line] ?? '';
      const room = widths[index] ?? 0;
      return is_figure ? text.padStart(room) : text.padEnd(room);
    });
    return cut(texts.join(GAP).trimEnd(), width);
  });
}

/** A name or a reason of others: what it holds moves no cursor. */
const shown = (text: string): string => printable(text, 128);

/** With a sign that something is missing. */
export const cut = (text: string, columns: number): string =>
  text.length <= columns ? text : `${text.slice(0, Math.max(0, columns - 1))}…`;

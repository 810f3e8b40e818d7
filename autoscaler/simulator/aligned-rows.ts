/** Lines of a table that people read. Pure. */

/** Columns as wide as their widest field. */
export function alignedRows(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [at, field] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, field.length);
  }
  return rows.map((row) =>
    row
      .map((field, at) => field.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

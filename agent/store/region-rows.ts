/**
 * Rows of regions. What became of the sizes of a region, which is long, stands apart from what its
 * guest tells of it many times a second. Pure.
 */
import type { SizeChange } from '../model/span.ts';
import type { RegionState } from '../model/state.ts';
import type { RowChange, StoredRows } from './rows.ts';

const NO_CHANGES: readonly SizeChange[] = [];

/** What leads from one state of a region to another; `key`: of its row. */
export function regionRows(
  changes: RowChange[],
  key: string,
  was: RegionState | undefined,
  is: RegionState | undefined,
): void {
  if (was === is) return;
  const [before, after] = [changesIn(was), changesIn(is)];
  if (before !== after) {
    changes.push({ table: 'marks', key: changesKey(key), row: changesText(after) });
  }
  const row = is?.span ? { ...is, span: { ...is.span, changes: NO_CHANGES } } : is;
  changes.push({ table: 'regions', key, row: row ? JSON.stringify(row) : null });
}

export const changesKey = (key: string): string => `regions/${key}`;

/** The same list as long as there are none. */
function changesIn(region: RegionState | undefined): readonly SizeChange[] {
  const changes = region?.span?.changes ?? NO_CHANGES;
  return changes.length === 0 ? NO_CHANGES : changes;
}

const changesText = (changes: readonly SizeChange[]): string | null =>
  changes === NO_CHANGES ? null : JSON.stringify(changes);

/** Rows for what an agent of format 2 wrote with the regions themselves; none: it has them. */
export function changesApart({ regions, marks }: StoredRows): RowChange[] {
  const found: RowChange[] = [];
  for (const [key, text] of regions) {
    if (!text.includes('"changes":[{') || marks.has(changesKey(key))) continue;
    const region: RegionState = JSON.parse(text);
    found.push({ table: 'marks', key: changesKey(key), row: changesText(changesIn(region)) });
  }
  return found;
}

/** A region as it is read, with what its key has in the marks. */
export function withChanges(region: RegionState, text: string | undefined): RegionState {
  if (!region.span || text === undefined) return region;
  const changes: readonly SizeChange[] = JSON.parse(text);
  return { ...region, span: { ...region.span, changes } };
}

/** The whole decision state as JSON (core/dump.ts), made in pieces: it may be many megabytes. */
import { Pieces } from '../../base/pieces.ts';
import { dumpHost } from '../core/dump.ts';
import { AGENT_LIMITS } from '../limits.ts';
import type { HostState } from '../model/state.ts';

/** The text of `JSON.stringify(dumpHost(state))`. */
export async function stateText(state: HostState): Promise<string> {
  const pieces = new Pieces(AGENT_LIMITS.status_regions_at_once);
  const texts: string[] = [];
  let before = '{';
  for (const [key, value] of Object.entries<unknown>({ ...dumpHost(state) })) {
    texts.push(before, JSON.stringify(key), ':');
    before = ',';
    if (!Array.isArray(value)) {
      texts.push(JSON.stringify(value));
      continue;
    }
    const rows: readonly unknown[] = value;
    for (const [index, row] of rows.entries()) {
      texts.push(index === 0 ? '[' : ',', JSON.stringify(row));
      await pieces.did(weightOf(row));
    }
    texts.push(rows.length === 0 ? '[]' : ']');
  }
  texts.push('}');
  await pieces.did(AGENT_LIMITS.status_regions_at_once);
  return texts.join('');
}

/** A row of a VM is as long as it has regions. */
function weightOf(row: unknown): number {
  const has_regions = typeof row === 'object' && row !== null && 'regions' in row;
  return has_regions && Array.isArray(row.regions) ? row.regions.length : 1;
}

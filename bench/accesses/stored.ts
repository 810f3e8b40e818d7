/** What a VM stored in each page of a region until now, by the counts in its run folder. */
import { benchError } from '../errors.ts';
import { readCounts } from './reader.ts';

/** Bytes, page by page. Throws HP_BENCH_TOOL where no such counts are there. */
export async function readStoredPages(folder: string, region_id: string): Promise<Float64Array> {
  const read = await readCounts(folder);
  const range = read?.ranges.find(({ id }) => id === region_id);
  if (!read || !range) {
    throw benchError('HP_BENCH_TOOL', `There are no counts of region ${region_id} in ${folder}.`);
  }
  const { granule_bytes, granules } = read.table;
  const first = range.start / granule_bytes;
  const pages = new Float64Array(range.bytes / granule_bytes);
  return pages.map((_, at) => granules.get(first + at)?.stored_bytes ?? 0);
}

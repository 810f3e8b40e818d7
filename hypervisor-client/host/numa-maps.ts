/**
 * On which nodes of the host a process holds its memory, per address range, from
 * /proc/PID/numa_maps (Documentation/filesystems/proc.rst). A line there has the start of a mapping
 * and its pages of each node in units of `kernelpagesize_kB`; where the mapping ends tells
 * /proc/PID/maps.
 */
import { KIB } from '../../base/units.ts';
import type { AddressRange } from './smaps.ts';

const LINE = /^([0-9a-f]+) \S+(.*)$/;
const PAGES = / N(\d+)=(\d+)/g;
const PAGE_SIZE = / kernelpagesize_kB=(\d+)/;
const MAPPING = /^([0-9a-f]+)-([0-9a-f]+) /gm;

/** What lies on one node of the host. */
export interface NodeBytes {
  readonly node: number;
  readonly bytes: number;
}

/** What is told of a range of addresses. */
export interface RangeNodes {
  /** Of all mappings that touch it, by node. */
  readonly nodes: readonly NodeBytes[];
  /** Whether those lie wholly inside it, and are all there is of it. */
  readonly is_exact: boolean;
}

interface Found {
  readonly sum: Map<number, number>;
  covered_bytes: number;
  is_mixed: boolean;
}

/** What numa_maps and maps of a process tell of each range; ranges must not overlap. Pure. */
export function parseNumaMaps(
  numa_maps: string,
  maps: string,
  ranges: readonly AddressRange[],
): RangeNodes[] {
  const ends = new Map<number, number>();
  for (const [, start = '', end = ''] of maps.matchAll(MAPPING)) {
    ends.set(Number.parseInt(start, 16), Number.parseInt(end, 16));
  }
  const found = ranges.map((): Found => ({ sum: new Map(), covered_bytes: 0, is_mixed: false }));
  for (const line of numa_maps.split('\n')) {
    const [, text = '', rest = ''] = LINE.exec(line) ?? [];
    const start = Number.parseInt(text, 16);
    const end = ends.get(start);
    if (end === undefined) continue;
    const page_bytes = Number(PAGE_SIZE.exec(line)?.[1] ?? 4) * KIB;
    for (const [index, range] of ranges.entries()) {
      const one = found[index];
      if (!one || start >= range.end || end <= range.start) continue;
      if (start < range.start || end > range.end) one.is_mixed = true;
      else one.covered_bytes += end - start;
      for (const [, node, pages] of rest.matchAll(PAGES)) {
        one.sum.set(Number(node), (one.sum.get(Number(node)) ?? 0) + Number(pages) * page_bytes);
      }
    }
  }
  return found.map(({ sum, covered_bytes, is_mixed }, index) => {
    const { start = 0, end = 0 } = ranges[index] ?? {};
    const nodes = [...sum].map(([node, bytes]) => ({ node, bytes }));
    const is_exact = !is_mixed && covered_bytes === end - start;
    return { nodes: nodes.toSorted((a, b) => a.node - b.node), is_exact };
  });
}

/**
 * What a process really holds of the host's memory, per address range, from /proc/PID/smaps
 * (Documentation/filesystems/proc.rst). `Rss` is used: pages that are mapped and in memory; the
 * zero page is not counted by the kernel.
 */
import { readFile } from 'node:fs/promises';
import { KIB } from '../base/units.ts';
import { vmmError } from './errors.ts';
import { systemCode } from './system-error.ts';

/** Host virtual addresses, `end` excluded. User addresses of x86-64 and arm64 fit in 53 bits. */
export interface AddressRange {
  readonly start: number;
  readonly end: number;
}

/** One mapping of a process. */
export interface Mapping extends AddressRange {
  /** Path or `[heap]`, `/memfd:name (deleted)`; empty for anonymous memory. */
  readonly name: string;
  readonly resident_bytes: number;
}

export interface RangeResidency {
  readonly resident_bytes: number;
  /** How much of the range lies in mappings that are wholly inside it. */
  readonly covered_bytes: number;
}

export interface ProcessResidency {
  readonly resident_bytes: number;
  /** In the order of the ranges asked for. */
  readonly ranges: readonly RangeResidency[];
}

const HEADER = /^([0-9a-f]+)-([0-9a-f]+) \S{4} [0-9a-f]+ [0-9a-f]+:[0-9a-f]+ \d+ *(.*)$/;
const RSS = /^Rss: +(\d+) kB$/;

/** Parses the text of an smaps file. Lines it does not know are skipped. */
export function parseSmaps(text: string): Mapping[] {
  const mappings: Mapping[] = [];
  let header: RegExpExecArray | null = null;
  for (const line of text.split('\n')) {
    const rss = header ? RSS.exec(line) : null;
    if (header && rss) {
      mappings.push({
        start: Number.parseInt(header[1] ?? '', 16),
        end: Number.parseInt(header[2] ?? '', 16),
        name: header[3] ?? '',
        resident_bytes: Number(rss[1]) * KIB,
      });
      header = null;
    } else if (!line.includes(': ')) {
      header = HEADER.exec(line) ?? header;
    }
  }
  return mappings;
}

/** Sums the mappings that lie wholly inside each range; ranges must not overlap. */
export function residencyOf(
  mappings: readonly Mapping[],
  ranges: readonly AddressRange[],
): ProcessResidency {
  const sums = ranges.map(() => ({ resident_bytes: 0, covered_bytes: 0 }));
  const order = ranges
    .map((range, index) => ({ range, index }))
    .toSorted((a, b) => a.range.start - b.range.start);
  let total_bytes = 0;
  let at = 0;
  for (const mapping of mappings) {
    total_bytes += mapping.resident_bytes;
    while (at < order.length && (order[at]?.range.end ?? 0) <= mapping.start) at += 1;
    const candidate = order[at];
    if (!candidate || mapping.start < candidate.range.start) continue;
    if (mapping.end > candidate.range.end) continue;
    const sum = sums[candidate.index];
    if (!sum) continue;
    sum.resident_bytes += mapping.resident_bytes;
    sum.covered_bytes += mapping.end - mapping.start;
  }
  return { resident_bytes: total_bytes, ranges: sums };
}

/**
 * Reads the residency of a living process. Throws HP_VMM_GONE when it ended, and HP_VMM_BACKING
 * when smaps cannot be read or a range is not exactly covered by mappings of its own: a wrong
 * figure is worse than none.
 */
export async function readResidency(
  pid: number,
  ranges: readonly AddressRange[],
): Promise<ProcessResidency> {
  const path = `/proc/${pid}/smaps`;
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    const gone = ['ENOENT', 'ESRCH'].includes(systemCode(error) ?? '');
    if (gone) throw vmmError('HP_VMM_GONE', `Process ${pid} ended.`, { cause: error });
    throw vmmError('HP_VMM_BACKING', `${path} cannot be read.`, { cause: error });
  }
  const residency = residencyOf(parseSmaps(text), ranges);
  if (residency.resident_bytes === 0) throw vmmError('HP_VMM_GONE', `Process ${pid} ended.`);
  for (const [index, range] of ranges.entries()) {
    const covered_bytes = residency.ranges[index]?.covered_bytes ?? 0;
    if (covered_bytes === range.end - range.start) continue;
    throw vmmError('HP_VMM_BACKING', `${path} does not show the backing of a region alone.`, {
      details: { pid, start: range.start, end: range.end, covered_bytes },
    });
  }
  return residency;
}

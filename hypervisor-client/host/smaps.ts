/**
 * What a process really holds of the host's memory, per address range, from /proc/PID/smaps
 * (Documentation/filesystems/proc.rst). `Rss` is used: pages that are mapped and in memory; the
 * zero page is not counted by the kernel, and pages of hugetlb are counted on lines of their own.
 *
 * Read in one go and synchronously: the kernel hands smaps out in pieces of 4 KiB, and a hop to
 * another thread for each of a hundred pieces takes 20 times as long beside busy vCPUs as the 2 ms
 * it blocks. It is read only as far as needed: mappings come in the order of their addresses.
 */
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { KIB } from '../../base/units.ts';
import { vmmError } from '../errors.ts';
import { errnoOf } from '../../base/system-error.ts';

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
  /** Of all mappings given. */
  readonly resident_bytes: number;
  /** In the order of the ranges asked for. */
  readonly ranges: readonly RangeResidency[];
}

/** Page size of x86-64. */
const PAGE_BYTES = 4 * KIB;
const HEADER = /^([0-9a-f]+)-([0-9a-f]+) \S{4} [0-9a-f]+ [0-9a-f]+:[0-9a-f]+ \d+ *(.*)$/;
const RESIDENT = /^(?:Rss|Shared_Hugetlb|Private_Hugetlb): +(\d+) kB$/;

/** Parses the text of an smaps file. Lines it does not know are skipped. */
export function parseSmaps(text: string): Mapping[] {
  const mappings: (Mapping & { resident_bytes: number })[] = [];
  for (const line of text.split('\n')) {
    const header = line.includes(': ') ? null : HEADER.exec(line);
    if (header) {
      mappings.push({
        start: Number.parseInt(header[1] ?? '', 16),
        end: Number.parseInt(header[2] ?? '', 16),
        name: header[3] ?? '',
        resident_bytes: 0,
      });
      continue;
    }
    const last = mappings.at(-1);
    const resident = last && RESIDENT.exec(line);
    if (resident) last.resident_bytes += Number(resident[1]) * KIB;
  }
  return mappings;
}

/** Sums the mappings that lie wholly inside each range; ranges must not overlap. Pure. */
export function residencyOf(
  mappings: readonly Mapping[],
  ranges: readonly AddressRange[],
): ProcessResidency {
  const sums = ranges.map(() => ({ resident_bytes: 0, covered_bytes: 0 }));
  const order = ranges
    .map((range, index) => ({ range, sum: sums[index] }))
    .toSorted((a, b) => a.range.start - b.range.start);
  let total_bytes = 0;
  let at = 0;
  for (const mapping of mappings) {
    total_bytes += mapping.resident_bytes;
    while (at < order.length && (order[at]?.range.end ?? 0) <= mapping.start) at += 1;
    const { range, sum } = order[at] ?? {};
    if (!range || !sum) continue;
    if (mapping.start < range.start || mapping.end > range.end) continue;
    sum.resident_bytes += mapping.resident_bytes;
    sum.covered_bytes += mapping.end - mapping.start;
  }
  return { resident_bytes: total_bytes, ranges: sums };
}

/**
 * Resident bytes of each range of a living process; ranges must not overlap. Throws HP_VMM_GONE
 * when the process ended, and HP_VMM_BACKING when smaps cannot be read or a range is not exactly
 * covered by mappings of its own: a wrong figure is worse than none.
 */
export function readResidency(pid: number, ranges: readonly AddressRange[]): number[] {
  if (ranges.length === 0) return [];
  const path = `/proc/${pid}/smaps`;
  const end = Math.max(...ranges.map((range) => range.end));
  const text = readProcess(pid, () => readUntil(path, end));
  const found = residencyOf(parseSmaps(text), ranges).ranges;
  for (const [index, range] of ranges.entries()) {
    const covered_bytes = found[index]?.covered_bytes ?? 0;
    if (covered_bytes === range.end - range.start) continue;
    // Of one that ends while it is read the text is over too early.
    readProcessResident(pid);
    throw vmmError('HP_VMM_BACKING', `${path} does not show the backing of a region alone.`, {
      details: { pid, start: range.start, end: range.end, covered_bytes },
    });
  }
  return found.map((range) => range.resident_bytes);
}

/**
 * Resident bytes of a whole living process, from /proc/PID/statm: cheap, and exact up to the
 * counters the kernel keeps per CPU (some hundred KiB). `with_huge`: pages of hugetlb too, which
 * only /proc/PID/status counts. Throws HP_VMM_GONE.
 */
export function readProcessResident(pid: number, with_huge = false): number {
  const text = readProcess(pid, () => readFileSync(`/proc/${pid}/statm`, 'utf8'));
  const pages = Number(text.split(' ')[1]);
  if (pages === 0) throw gone(pid);
  return pages * PAGE_BYTES + (with_huge ? readProcessHuge(pid) : 0);
}

function readProcessHuge(pid: number): number {
  const text = readProcess(pid, () => readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(/^HugetlbPages:\s+(\d+) kB$/m.exec(text)?.[1] ?? 0) * KIB;
}

/** The text up to the first mapping that starts at `end` or above. */
function readUntil(path: string, end: number): string {
  const file = openSync(path, 'r');
  try {
    const piece = Buffer.alloc(64 * KIB);
    let text = '';
    for (;;) {
      const length = readSync(file, piece);
      if (length === 0) return text;
      const more = piece.toString('latin1', 0, length);
      text += more;
      // The kernel never splits the entry of a mapping over two reads that succeed.
      const first = HEADER.exec(more.slice(0, more.indexOf('\n')));
      if (first && Number.parseInt(first[1] ?? '', 16) >= end) return text;
    }
  } finally {
    closeSync(file);
  }
}

function readProcess(pid: number, read: () => string): string {
  let text: string;
  try {
    text = read();
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes(errnoOf(error) ?? '')) throw gone(pid, error);
    throw vmmError('HP_VMM_BACKING', `/proc/${pid} cannot be read.`, { cause: error });
  }
  // A process that ended and was not waited for yet has no mappings.
  if (text === '') throw gone(pid);
  return text;
}

function gone(pid: number, cause?: unknown): Error {
  return vmmError('HP_VMM_GONE', `Process ${pid} ended.`, { cause });
}

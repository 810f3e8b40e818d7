/**
 * The host's pool of 2 MiB pages (Documentation/admin-guide/mm/hugetlbpage.rst): memory set apart
 * by whoever runs the host, for those who are to have huge pages for certain.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DEVICE_BLOCK_BYTES as PAGE_BYTES, formatBytes } from '../../base/units.ts';
import { vmmError } from '../errors.ts';

export interface HugePages {
  /** Pages there are, in use or not. */
  readonly total: number;
  /** Pages that nobody has, and that nobody was promised. */
  readonly free: number;
}

/** How the pool is read; tests have a pool of their own. */
export type HugePageReader = () => HugePages;

/** The pool as it is now. A host without one has no pages. */
export function readHugePages(sys_root = '/sys'): HugePages {
  const dir = join(sys_root, 'kernel', 'mm', 'hugepages', 'hugepages-2048kB');
  const count = (name: string): number => {
    try {
      return Number.parseInt(readFileSync(join(dir, name), 'latin1'), 10) || 0;
    } catch {
      return 0;
    }
  };
  return {
    total: count('nr_hugepages'),
    free: Math.max(0, count('free_hugepages') - count('resv_hugepages')),
  };
}

/** Throws HP_VMM_NO_HUGE_PAGES unless `bytes` of the pool are free, and there is a pool at all. */
export function requireHugePages(what: string, bytes: number, { total, free }: HugePages): void {
  const needed = Math.ceil(bytes / PAGE_BYTES);
  if (total > 0 && needed <= free) return;
  const size = formatBytes(PAGE_BYTES);
  const has = total === 0 ? 'none is set apart on this host' : `${free} of ${total} are free`;
  throw vmmError('HP_VMM_NO_HUGE_PAGES', `${what} needs ${needed} pages of ${size}, but ${has}.`, {
    details: { needed, free, total },
  });
}

/** Gives every replayed function its sizes, from a model and a few stated options. Pure. */
import { MEMORY_BLOCK_BYTES, MIB, roundUp } from '../../base/units.ts';
import type { FunctionProfile } from './models.ts';

/** All that turns a profile into sizes. Written to the manifest as it is. */
export interface SizingOptions {
  /** Every limit is multiplied by this, then rounded up to whole 128 MiB memory blocks. */
  readonly scale: number;
  /** Share of the limit that an invocation touches as anonymous memory. */
  readonly touched_share: number;
  /** Share of the limit that an invocation maps from files. */
  readonly file_share: number;
  /** A function VM gets vcpu_share x concurrency vCPUs as in the paper, but at most this many. */
  readonly most_vcpus: number;
  /**
   * Ordinary memory of a function VM before its share for memory maps and file cache; 0 leaves the
   * choice to {@link BOOT_BASE_BYTES}.
   */
  readonly boot_base_bytes: number;
}

/** Kernel, init and root file system of a small guest with room to breathe; an option overrides. */
const BOOT_BASE_BYTES = 256 * MIB;
/** The memory map (struct page, 64 bytes per 4 KiB page) takes 1/64 of what it describes. */
const MEMORY_MAP_SHARE = 1 / 64;

export interface FunctionSize {
  readonly profile: string;
  readonly limit_bytes: number;
  readonly anonymous_bytes: number;
  readonly file_bytes: number;
  readonly vcpus: number;
  readonly boot_bytes: number;
  /** Most instances of the function VM. */
  readonly concurrency: number;
}

/** The sizes of one function with this profile and at most `concurrency` instances. */
export function sizeFunction(
  profile: FunctionProfile,
  options: SizingOptions,
  concurrency: number,
): FunctionSize {
  const limit_bytes = roundUp(Math.ceil(profile.limit_bytes * options.scale), MEMORY_BLOCK_BYTES);
  const file_bytes = wholePages(limit_bytes * options.file_share);
  const base_bytes = options.boot_base_bytes || BOOT_BASE_BYTES;
  const map_bytes = concurrency * limit_bytes * MEMORY_MAP_SHARE;
  const cache_bytes = concurrency * file_bytes;
  return {
    profile: profile.name,
    limit_bytes,
    anonymous_bytes: wholePages(limit_bytes * options.touched_share),
    file_bytes,
    vcpus: Math.max(1, Math.min(options.most_vcpus, Math.ceil(profile.vcpu_share * concurrency))),
    boot_bytes: roundUp(base_bytes + map_bytes + cache_bytes, MEMORY_BLOCK_BYTES),
    concurrency,
  };
}

function wholePages(bytes: number): number {
  return Math.floor(bytes / 4096) * 4096;
}

/**
 * What an unplug that was measured under emulation would take on hardware like this host's: an
 * estimate, from counts of the work and prices that the same run measured. Pure.
 *
 * The host's own part (the VMM takes the target, the host discards) was native all along. The
 * guest's part is instructions at what an instruction of such work costs the host natively, or,
 * where they were not counted, its time divided by how much slower emulation does such work. Pages
 * that are zeroed are priced apart: how far emulation slows that down is another figure. Not in it,
 * for they do not transfer: exits to the VMM (44 ns emulated, microseconds under KVM), interrupts
 * between CPUs, and what a neighbour feels.
 */
import type { PriceLine, PriceOperation } from '../results/records.ts';
import { rounded } from '../../statistics.ts';

export interface Range {
  readonly low: number;
  readonly high: number;
}

/**
 * Operations that stand for the kernel's other work on memory: their least and greatest give the
 * ranges. Not among them: what is mostly one tight loop (protect) or waking and switching (fork).
 */
export const REFERENCE_OPERATIONS: readonly PriceOperation[] = ['fault', 'unmap', 'copy-on-write'];

export interface HardwarePrices {
  /** Host nanoseconds of one counted instruction of the reference operations. */
  readonly instruction_ns: Range;
  /** Times as long the reference operations take in an emulated guest as on the host. */
  readonly slowdown: Range;
  /** Host nanoseconds to zero 4 KiB: in the cache, and not. */
  readonly zeroed_page_ns: Range;
  readonly emulated_zeroed_page_ns: number;
  /** Counted instructions of the stock kernel for each page that an unplug migrates. */
  readonly migrated_page_instructions: number | null;
}

/** Of one unplug; medians. */
export interface UnplugCounts {
  readonly time_ms: number;
  /** Native in either case: until the VMM took the target, and the host's discard. */
  readonly host_ms: number;
  /** All of the guest's work but zeroing of pages; null: not counted. */
  readonly instructions: number | null;
  readonly pages_zeroed: number;
}

/** Null when an operation was not measured everywhere: no estimate then. */
export function hardwarePrices(lines: readonly PriceLine[]): HardwarePrices | null {
  const cost = (where: PriceLine['where'], operation: PriceOperation): number | null =>
    lines.find((line) => line.where === where && line.operation === operation)?.cost ?? null;
  const instruction_ns = rangeOf(
    REFERENCE_OPERATIONS.map((one) => over(cost('host', one), cost('counted', one))),
  );
  const slowdown = rangeOf(
    REFERENCE_OPERATIONS.map((one) => over(cost('guest', one), cost('host', one))),
  );
  const zeroed_page_ns = rangeOf([
    cost('host', 'zero-hot'),
    cost('host', 'zero-cold'),
    cost('host', 'huge-fault'),
  ]);
  const emulated_zeroed_page_ns = cost('guest', 'zero-cold');
  if (!instruction_ns || !slowdown || !zeroed_page_ns || emulated_zeroed_page_ns === null) {
    return null;
  }
  return {
    instruction_ns,
    slowdown,
    zeroed_page_ns,
    emulated_zeroed_page_ns: rounded(emulated_zeroed_page_ns),
    migrated_page_instructions: cost('counted', 'migrated-page'),
  };
}

/** Milliseconds of the unplug on hardware. */
export function estimateUnplug(counts: UnplugCounts, prices: HardwarePrices): Range {
  const { host_ms, pages_zeroed } = counts;
  const guest = guestWork(counts, prices);
  const zeroed = (ns: number): number => (pages_zeroed * ns) / 1e6;
  return {
    low: rounded(host_ms + guest.low + zeroed(prices.zeroed_page_ns.low)),
    high: rounded(host_ms + guest.high + zeroed(prices.zeroed_page_ns.high)),
  };
}

function guestWork(counts: UnplugCounts, prices: HardwarePrices): Range {
  const { time_ms, host_ms, instructions, pages_zeroed } = counts;
  if (instructions !== null) {
    const { low, high } = prices.instruction_ns;
    return { low: (instructions * low) / 1e6, high: (instructions * high) / 1e6 };
  }
  const zeroing_ms = (pages_zeroed * prices.emulated_zeroed_page_ns) / 1e6;
  const emulated_ms = Math.max(0, time_ms - host_ms - zeroing_ms);
  const { low, high } = prices.slowdown;
  return { low: emulated_ms / high, high: emulated_ms / low };
}

/** As wide as both ranges allow: nothing says that their errors go together. */
export function ratioRange(above: Range, below: Range): Range | null {
  if (below.low <= 0) return null;
  return { low: rounded(above.low / below.high), high: rounded(above.high / below.low) };
}

const over = (above: number | null, below: number | null): number | null =>
  above !== null && below ? above / below : null;

function rangeOf(values: readonly (number | null)[]): Range | null {
  const known = values.filter((value): value is number => value !== null && value > 0);
  if (known.length === 0 || known.length < values.length) return null;
  return { low: rounded(Math.min(...known)), high: rounded(Math.max(...known)) };
}

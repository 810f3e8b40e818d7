/** Memory over time, function by function, and which function has which colour. Pure. */
import { PAGE_LIMITS } from './limits.ts';
import { largestFirst, residentOf, type VmTotals } from './totals.ts';

export interface MemoryOf {
  readonly committed_bytes: number;
  readonly plugged_bytes: number;
  /** Null: of a VM of it the host's word is not known. */
  readonly resident_bytes: number | null;
}
export type MemoryKind = keyof MemoryOf;

export interface MemorySample {
  readonly at_ms: number;
  /** The limit of the host then. */
  readonly limit_bytes: number;
  /** The largest ones. */
  readonly functions: ReadonlyMap<string, MemoryOf>;
  /** All other functions together; null: there are none. */
  readonly others: MemoryOf | null;
}

export class History {
  samples: readonly MemorySample[] = [];
  /** Names by colour; null: it is free. A function keeps its colour while it is a large one. */
  readonly coloured: (string | null)[] = Array.from({ length: PAGE_LIMITS.colours }, () => null);

  /** Does nothing before it is time for the next one; false then. */
  add(at_ms: number, limit_bytes: number, totals: ReadonlyMap<string, VmTotals>): boolean {
    const last = this.samples.at(-1);
    if (last && at_ms >= last.at_ms && at_ms - last.at_ms < PAGE_LIMITS.sample_ms) return false;
    const sorted = largestFirst(totals).map(([name, one]) => [name, memoryOf(one)] as const);
    const functions = new Map(sorted.slice(0, PAGE_LIMITS.sample_functions));
    const rest = sorted.slice(PAGE_LIMITS.sample_functions).map(([, one]) => one);
    const others = rest.length > 0 ? sumOf(rest) : null;
    // Between two messages time is guessed: where the next one says less, the guess was too late.
    const kept = this.samples.filter((one) => one.at_ms < at_ms);
    const sample = { at_ms, limit_bytes, functions, others };
    this.samples = [...kept, sample].slice(-PAGE_LIMITS.samples);
    this.#colour(sorted.slice(0, PAGE_LIMITS.colours).map(([name]) => name));
    return true;
  }

  /** The number of its colour; null: it has none of its own. */
  colourOf(name: string): number | null {
    const index = this.coloured.indexOf(name);
    return index < 0 ? null : index;
  }

  #colour(largest: readonly string[]): void {
    for (const [index, name] of this.coloured.entries()) {
      if (name !== null && !largest.includes(name)) this.coloured[index] = null;
    }
    for (const name of largest) {
      if (!this.coloured.includes(name)) this.coloured[this.coloured.indexOf(null)] = name;
    }
  }
}

function memoryOf(totals: VmTotals): MemoryOf {
  const { committed_bytes, plugged_bytes } = totals;
  return { committed_bytes, plugged_bytes, resident_bytes: residentOf(totals) };
}

/** Unknown as soon as one of them is. */
export function sumOf(parts: readonly MemoryOf[]): MemoryOf {
  const sum = (field: MemoryKind): number | null => {
    let bytes = 0;
    for (const part of parts) {
      const more = part[field];
      if (more === null) return null;
      bytes += more;
    }
    return bytes;
  };
  return {
    committed_bytes: sum('committed_bytes') ?? 0,
    plugged_bytes: sum('plugged_bytes') ?? 0,
    resident_bytes: sum('resident_bytes'),
  };
}

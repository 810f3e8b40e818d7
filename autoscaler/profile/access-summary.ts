/** What the calls of each instance of a workload did with memory, from an archive. Pure. */
import { median } from '../../base/statistics.ts';
import { formatBytes } from '../../base/units.ts';
import { type CountedCalls, COUNTED_CALLS } from '../simulator/tiers/accesses.ts';
import type { AccessLine, ProfileArchive, ProfileManifest } from './archive.ts';

/** Medians of the calls of one instance that were cold, or warm. */
export interface AccessGroup {
  readonly instance: string;
  readonly cold: boolean;
  readonly counted: number;
  /** Of the whole VM. */
  readonly instructions: number | null;
  /** In the region of the instance. */
  readonly loads: number | null;
  readonly stores: number | null;
  readonly fills: number | null;
  /** Lines of the VM's ordinary memory: its kernel, its page cache. */
  readonly boot_fills: number | null;
}

/** In the order of the workload, cold before warm; null: this run counted nothing. */
export function accessGroups({ manifest, accesses }: ProfileArchive): AccessGroup[] | null {
  if (accesses === null) return null;
  return manifest.instances.flatMap(({ name: instance }) =>
    [true, false].flatMap((cold) => {
      const own = accesses.filter((one) => one.instance === instance && one.cold === cold);
      if (own.length === 0) return [];
      const middle = (of: (line: AccessLine) => number): number | null => median(own.map(of));
      return {
        instance,
        cold,
        counted: own.length,
        instructions: middle((one) => one.instructions),
        loads: middle(({ region }) => region.loads),
        stores: middle(({ region }) => region.stores),
        fills: middle(({ region }) => region.fills),
        boot_fills: middle(({ boot }) => boot.fills),
      };
    }),
  );
}

/** The cache that lines were filled in, in words; null: nothing was counted. */
export function cacheText(accesses: readonly AccessLine[] | null): string | null {
  const [first] = accesses ?? [];
  if (!first) return null;
  const { sets, ways, line_bytes } = first.cache;
  const size = formatBytes(sets * ways * line_bytes);
  return `each vCPU ${size} in ${ways} ways, lines of ${line_bytes} bytes, LRU`;
}

/**
 * What `simulate tiers --accesses` plays: of each instance the warm call in the middle by its
 * fills. Null: no warm call was counted.
 */
export function countedCallsOf({ manifest, accesses }: ProfileArchive): CountedCalls | null {
  const cache = cacheText(accesses);
  if (accesses === null || cache === null) return null;
  const calls = manifest.instances.flatMap((instance) => {
    const warm = accesses
      .filter((one) => one.instance === instance.name && !one.cold)
      .toSorted((a, b) => a.region.fills - b.region.fills);
    const middle = warm[Math.floor((warm.length - 1) / 2)];
    const spec = manifest.functions.find((one) => one.spec.name === instance.function)?.spec;
    if (!middle || !spec || middle.instructions <= 0) return [];
    return {
      function: spec.name.slice(0, COUNTED_CALLS.name_chars),
      input: instance.name.slice(0, COUNTED_CALLS.name_chars),
      bytes: spec.limit_bytes,
      instructions: middle.instructions,
      ...middle.region,
      calls_per_s: instance.arrivals / manifest.workload.duration_s,
    };
  });
  return calls.length === 0 ? null : { cache, note: noteOf(manifest, accesses), calls };
}

function noteOf({ functions, workload }: ProfileManifest, accesses: readonly AccessLine[]): string {
  const [vmm = 'unknown VMM'] = functions.flatMap((one) => one.vmm ?? []);
  const vcpus = [...new Set(accesses.map((one) => one.vcpus))].toSorted((a, b) => a - b);
  const note = `${vmm} under TCG, ${vcpus.join(' or ')} vCPU; one call at a time of ${workload.test_name}`;
  return note.slice(0, COUNTED_CALLS.note_chars);
}

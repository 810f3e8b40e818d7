/** The patched kernel with the feature off against the untouched one, counted in instructions. */
import type { GuestArch } from '../../../base/guest-arch.ts';
import { formatBytes, GIB, MIB } from '../../../base/units.ts';
import { runCounted } from './counted-vm.ts';
import type { Recorder } from '../results/recorder.ts';
import { COST_METRICS, type CostLine } from '../results/records.ts';

export interface OffParts {
  /** Of the guest. Default: x86-64. */
  readonly arch?: GuestArch;
  readonly stock_kernel: string;
  readonly patched_kernel: string;
  readonly program: string;
  readonly parent_dir: string;
  readonly round: number;
  readonly recorder: Pick<Recorder, 'cost'>;
  readonly say: (detail: string) => void;
  readonly signal?: AbortSignal | undefined;
}

type PartitionParts = Omit<OffParts, 'stock_kernel'>;

export async function measureOff(parts: OffParts): Promise<void> {
  const { arch, program, parent_dir, round, recorder, say, signal } = parts;
  const kernels = [
    ['untouched', parts.stock_kernel],
    ['off', parts.patched_kernel],
  ] as const;
  // Instructions do not drift, but nothing is lost by taking turns here too.
  const order = round % 2 === 0 ? kernels.toReversed() : kernels;
  for (const [variant, kernel_path] of order) {
    say(variant);
    const request = { arch, kernel_path, partition_bytes: null, program, parent_dir, signal };
    for (const { name, value } of await runCounted(request)) {
      const metric = COST_METRICS.find((one) => one === name);
      if (metric === undefined || value === 0) continue;
      recorder.cost({
        round,
        part: 'off',
        variant,
        metric,
        threads: 1,
        region_bytes: 512 * MIB,
        ns: value,
      });
    }
  }
}

/** The sizes whose unplugs are counted; the first has its faults counted. */
const PARTITIONS_BYTES = [512 * MIB, 128 * MIB, 2 * GIB] as const;

/**
 * Page faults in a partition and in none, and plug and unplug of a small and a large partition that
 * was in use, by instructions: one CPU, so nobody waits for a lock, and no time passes in the guest
 * while the host works for it.
 */
export async function measurePartitions(parts: PartitionParts): Promise<void> {
  for (const partition_bytes of PARTITIONS_BYTES) await measurePartition(parts, partition_bytes);
}

/** The page faults alone. */
export async function measureAttachedFaults(parts: PartitionParts): Promise<void> {
  await measurePartition(parts, PARTITIONS_BYTES[0]);
}

async function measurePartition(parts: PartitionParts, partition_bytes: number): Promise<void> {
  const { arch, program, parent_dir, round, recorder, say, signal } = parts;
  say(`counted instructions, ${formatBytes(partition_bytes)}`);
  const kernel_path = parts.patched_kernel;
  const request = { arch, kernel_path, partition_bytes, program, parent_dir, signal };
  for (const { name, value } of await runCounted(request)) {
    const line = partitionLine(name);
    if (line === null || value === 0) continue;
    const region_bytes = partition_bytes;
    recorder.cost({ round, part: 'attached-counted', region_bytes, ns: value, ...line });
  }
}

function partitionLine(name: string): Pick<CostLine, 'variant' | 'metric' | 'threads'> | null {
  const [variant, threads] = name.split('-');
  if (variant === 'attached' || variant === 'unattached') {
    return { variant, metric: 'fault', threads: threads === 'four' ? 4 : 1 };
  }
  if (name !== 'replug' && name !== 'unplug') return null;
  return { variant: 'attached', metric: name === 'unplug' ? 'unplug' : 'plug', threads: 1 };
}

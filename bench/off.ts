/** The patched kernel with the feature off against the untouched one, counted in instructions. */
import { runCounted } from './counted-vm.ts';
import type { Recorder } from './recorder.ts';
import { COST_METRICS } from './records.ts';

export interface OffParts {
  readonly stock_kernel: string;
  readonly patched_kernel: string;
  readonly program: string;
  readonly parent_dir: string;
  readonly round: number;
  readonly recorder: Recorder;
  readonly say: (detail: string) => void;
  readonly signal?: AbortSignal;
}

export async function measureOff(parts: OffParts): Promise<void> {
  const { program, parent_dir, round, recorder, say, signal } = parts;
  const kernels = [
    ['untouched', parts.stock_kernel],
    ['off', parts.patched_kernel],
  ] as const;
  // Instructions do not drift, but nothing is lost by taking turns here too.
  const order = round % 2 === 0 ? kernels.toReversed() : kernels;
  for (const [variant, kernel_path] of order) {
    say(variant);
    const request = { kernel_path, partitions: false, program, parent_dir, ...pick(signal) };
    for (const { name, value } of await runCounted(request)) {
      const metric = COST_METRICS.find((one) => one === name);
      if (metric === undefined || value === 0) continue;
      recorder.cost({ round, part: 'off', variant, metric, threads: 1, ns: value });
    }
  }
}

/** Page faults in a partition and in none, by instructions: one CPU, so nobody waits for a lock. */
export async function measureAttachedCounted(parts: Omit<OffParts, 'stock_kernel'>): Promise<void> {
  const { program, parent_dir, round, recorder, say, signal } = parts;
  say('counted instructions');
  const kernel_path = parts.patched_kernel;
  const request = { kernel_path, partitions: true, program, parent_dir, ...pick(signal) };
  for (const { name, value } of await runCounted(request)) {
    const [variant, threads] = name.split('-');
    if ((variant !== 'attached' && variant !== 'unattached') || value === 0) continue;
    recorder.cost({
      round,
      part: 'attached-counted',
      variant,
      metric: 'fault',
      threads: threads === 'four' ? 4 : 1,
      ns: value,
    });
  }
}

function pick(signal: AbortSignal | undefined): { signal?: AbortSignal } {
  return signal ? { signal } : {};
}

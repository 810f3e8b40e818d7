/**
 * Page faults of an instance in a partition against those of one that is in none, in the same guest
 * of the patched kernel, taken in turns: threads of one process fault in one partition at once.
 */
import { hostClock } from '../../../base/clock.ts';
import { MIB } from '../../../base/units.ts';
import type { Hypervisor, VmSpec } from '../../../hypervisor-client/vm.ts';
import { BenchVm, NOWHERE, type Place } from './bench-vm.ts';
import { faultsSchema, parseFaults } from './guest-work.ts';
import type { Recorder } from '../results/recorder.ts';
import type { CostLine } from '../results/records.ts';

const FAULT_BYTES = 64 * MIB;
const PAGE_BYTES = 4096;
const EXCHANGES = 8;
const TOUCHES = 3;
const THREADS = [1, 4] as const;

export async function measureAttached(parts: {
  readonly hypervisor: Hypervisor;
  readonly spec: VmSpec;
  readonly place: Place;
  readonly region_bytes: number;
  readonly round: number;
  readonly recorder: Recorder;
  readonly say: (detail: string) => void;
  readonly signal?: AbortSignal | undefined;
}): Promise<void> {
  const { hypervisor, spec, place, round, recorder, say, signal } = parts;
  const bench = await BenchVm.boot(hypervisor, spec, hostClock, signal);
  try {
    await bench.resize(place.region_id ?? '', parts.region_bytes, signal);
    await bench.start('attached', place);
    await bench.start('unattached', NOWHERE);
    const order: CostLine['variant'][] = ['attached', 'unattached'];
    for (let exchange = 1; exchange <= EXCHANGES; exchange += 1) {
      signal?.throwIfAborted();
      say(`exchange ${exchange} of ${EXCHANGES}`);
      order.reverse();
      for (const threads of THREADS)
        for (const variant of order) {
          const work = { mode: 'faults', bytes: FAULT_BYTES, threads, count: TOUCHES } as const;
          const { value } = await bench.work(variant, work, faultsSchema);
          for (const wall_ns of parseFaults(value.wall_ns)) {
            const ns = Math.round(wall_ns / (FAULT_BYTES / PAGE_BYTES));
            recorder.cost({
              round,
              part: 'attached',
              variant,
              metric: 'fault',
              threads,
              region_bytes: parts.region_bytes,
              ns,
            });
          }
        }
    }
  } finally {
    await bench.close();
  }
}

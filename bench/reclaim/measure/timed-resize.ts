/** One plug or unplug with all that is read around it. */
import { hostClock } from '../../../base/clock.ts';
import { BENCH_LIMITS } from '../../limits.ts';
import { waitFor } from '../../../base/wait.ts';
import type { ResizeResult } from '../../../hypervisor-client/vm.ts';
import type { BenchVm, GuestLook } from './bench-vm.ts';
import type { Observers, BenchOperation } from '../results/records.ts';
import { rounded } from '../../statistics.ts';

export interface ResizeOrder {
  readonly region_id: string;
  readonly bytes: number;
  /** Read the guest's counters before and after; without it the guest is left alone. */
  readonly counted: boolean;
  readonly signal?: AbortSignal | undefined;
}

export interface TimedResize {
  readonly result: ResizeResult;
  readonly before: GuestLook | null;
  readonly after: GuestLook | null;
  /** Of all kernel threads, less what the asking costs. */
  readonly guest_cpu_ms: number | null;
  /** Interrupts of virtio-mem devices meanwhile; null where they are not known. */
  readonly vmm_interrupts: number | null;
  readonly observers: Observers;
  readonly guest_ms: number | null;
}

export async function timedResize(bench: BenchVm, order: ResizeOrder): Promise<TimedResize> {
  const before = order.counted ? await bench.look() : null;
  // What the asking itself costs the guest: two looks with nothing in between.
  const again = order.counted ? await bench.counters() : null;
  const result = await bench.resize(order.region_id, order.bytes, order.signal);
  const counters = order.counted ? await bench.counters() : null;
  const after = counters ? { counters, stats: (await bench.stats()).value } : null;
  const cpu_ns =
    before && again && counters
      ? counters.kernel_cpu_ns - 2 * again.kernel_cpu_ns + before.counters.kernel_cpu_ns
      : null;
  const { observers, guest_ns } = await settledObservers(bench, order);
  const vmm_interrupts = before
    ? await settledInterrupts(bench, before.counters, targetsSet(result))
    : null;
  return {
    result,
    before,
    after,
    guest_cpu_ms: cpu_ns === null ? null : rounded(cpu_ns / 1e6),
    vmm_interrupts,
    observers,
    guest_ms: guest_ns > 0 ? rounded(guest_ns / 1e6) : null,
  };
}

type InterruptCount = Pick<GuestLook['counters'], 'vmm_interrupts' | 'interrupts_known'>;

/** Each one is an interrupt of its own, beside those that answer requests. */
const targetsSet = ({ nudges }: ResizeResult): number => 1 + nudges;

/**
 * A guest has the host's answer before the interrupt that tells of it is counted, when the virtual
 * CPU that takes it had no time to run yet. What was asked for took one request at the least.
 */
export async function settledInterrupts(
  bench: { counters(): Promise<InterruptCount> },
  start: InterruptCount,
  targets_set: number,
): Promise<number | null> {
  if (!start.interrupts_known) return null;
  let seen = 0;
  await waitFor(
    async () => {
      seen = (await bench.counters()).vmm_interrupts - start.vmm_interrupts;
      return seen > targets_set ? seen : null;
    },
    { clock: hostClock, deadline_ms: BENCH_LIMITS.agree_ms, first_pause_ms: 5 },
  );
  return seen;
}

interface Observed {
  readonly observers: Observers;
  readonly guest_ns: number;
}

/**
 * Asks all three until they agree or the limit is over: a stock guest removes a memory block after
 * the VMM has its last answer.
 */
async function settledObservers(bench: BenchVm, order: ResizeOrder): Promise<Observed> {
  let last: Observed | null = null;
  await waitFor(
    async () => {
      last = await askAll(bench, order);
      return last.observers.agree ? last : null;
    },
    { clock: hostClock, deadline_ms: BENCH_LIMITS.agree_ms, first_pause_ms: 20 },
  );
  return last ?? (await askAll(bench, order));
}

async function askAll(bench: BenchVm, { region_id, bytes }: ResizeOrder): Promise<Observed> {
  const stats = await bench.stats(region_id);
  const seen = await bench.observe();
  const region = seen.regions.find(({ id }) => id === region_id);
  const partition = bench.partitionOf(region_id, stats.value);
  const vmm_plugged_bytes = region?.plugged_bytes ?? -1;
  const guest_plugged_bytes = partition?.plugged_bytes ?? -1;
  const host_resident_bytes = region?.resident_bytes ?? -1;
  return {
    observers: {
      vmm_plugged_bytes,
      guest_plugged_bytes,
      host_resident_bytes,
      map_bytes: partition?.map_bytes ?? 0,
      agree: vmm_plugged_bytes === guest_plugged_bytes && host_resident_bytes <= vmm_plugged_bytes,
    },
    guest_ns: (bytes === 0 ? partition?.unplug_ns : partition?.plug_ns) ?? 0,
  };
}

/** The part of an operation line that the resize tells. */
export function resizeFields(
  timed: TimedResize,
  run_started_ms: number,
): Pick<
  BenchOperation,
  | 'outcome'
  | 'reason'
  | 'requested_at_ms'
  | 'accepted_ms'
  | 'plugged_ms'
  | 'resident_ms'
  | 'resident_before_bytes'
  | 'pages_migrated'
  | 'guest_cpu_ms'
  | 'vmm_requests'
  | 'guest_ms'
  | 'observers'
  | 'nudges'
> {
  const { result, before, after } = timed;
  const since = (at_ms: number | null): number | null =>
    at_ms === null ? null : rounded(at_ms - result.requested_at_ms);
  const counted = before !== null && after !== null;
  return {
    outcome: result.outcome,
    reason: result.reason,
    requested_at_ms: rounded(result.requested_at_ms - run_started_ms),
    accepted_ms: since(result.accepted_at_ms),
    plugged_ms: since(result.plugged_at_ms),
    resident_ms: since(result.resident_at_ms),
    resident_before_bytes: result.resident_before_bytes,
    pages_migrated: counted ? after.stats.pages_migrated - before.stats.pages_migrated : null,
    guest_cpu_ms: timed.guest_cpu_ms,
    vmm_requests: timed.vmm_interrupts === null ? null : timed.vmm_interrupts - targetsSet(result),
    guest_ms: timed.guest_ms,
    observers: timed.observers,
    nudges: result.nudges,
  };
}

/** One function as Status shows it: the book, the VMM, the guest and the host side by side. */
import type { Clock } from '../../base/clock.ts';
import { withDeadline } from '../../base/deadline.ts';
import { AGENT_LIMITS } from '../limits.ts';
import type { VmObservation } from '../../hypervisor-client/vm.ts';
import type { Failure, FunctionStatus, RegionStatus } from '../model/messages.ts';
import { cutBytes } from '../../base/cut-bytes.ts';
import { regionPermitBytes } from '../core/permits.ts';
import { regionBytes } from '../model/spec.ts';
import type { FunctionState, InstancePhase, RegionState, VmState } from '../model/state.ts';
import { totalBytes } from '../model/tiers.ts';
import type { GuestStats } from '../../guest/protocol/protocol.ts';
import { isBug } from './fail-stop.ts';

/** The VM a status is asked of. Unknown figures are null. */
export interface StatusSource {
  /** Who of the two is there to be asked. */
  readonly present: { readonly vmm: boolean; readonly guest: boolean };
  readonly vmm_answered_at_ms: number | null;
  readonly guest_answered_at_ms: number | null;
  observe(): Promise<VmObservation | null>;
  stats(): Promise<GuestStats | null>;
  /** What the host's kernel told last. */
  residentBytes(): number | null;
}

/** What VMM and guest told when they were asked for this answer; null: nothing, or in vain. */
interface Told {
  readonly seen: VmObservation | null;
  readonly stats: GuestStats | null;
  readonly unanswered: ('vmm' | 'guest')[];
}

/**
 * Sizes and regions are those of the first VM; counts and permits are of all.
 * Never later than AGENT_LIMITS.status_vm_ms: who does not answer until then is named in
 * `unanswered`, and what only it could tell is null.
 */
export async function functionStatus(
  { fn, vms }: { readonly fn: FunctionState; readonly vms: readonly VmState[] },
  runner: StatusSource | undefined,
  clock: Clock,
): Promise<FunctionStatus> {
  const { seen, stats, unanswered } = await ask(runner, clock);
  const [vm] = vms;
  const instances = vms.flatMap((one) => one.instances);
  const count = (phase: InstancePhase): number =>
    instances.filter((instance) => instance.phase === phase).length;
  const regions = vm?.regions.map((region) => regionStatus(fn, region, seen, stats)) ?? [];
  return {
    function: fn.spec,
    vm_id: vm?.id ?? '',
    vm_state: vmState(fn, vm),
    instances_starting: count('starting'),
    instances_busy: count('busy'),
    instances_idle: count('idle'),
    instances_stopping: count('stopping'),
    invocations_queued: fn.queue.length,
    regions,
    vm_resident_bytes: seen?.resident_bytes ?? runner?.residentBytes() ?? null,
    pages_migrated: stats?.pages_migrated ?? null,
    permits_bytes: sumOf(vms.map(regionPermitBytes)) ?? 0,
    guest_plugged_bytes: sumOf(regions.map((region) => region.guest_plugged_bytes)),
    boot_bytes: sumOf(vms.map(({ boot_permit }) => totalBytes(boot_permit))) ?? 0,
    instances_started: sumOf(vms.map((one) => one.instances_started)) ?? 0,
    oom_kills: stats?.oom_kills ?? null,
    unanswered,
    vmm_answered_at_ms: runner?.vmm_answered_at_ms ?? null,
    guest_answered_at_ms: runner?.guest_answered_at_ms ?? null,
    last_failure: failureOf(fn),
  };
}

/** The phase of its first VM, in the words that Status has always had. */
function vmState(fn: FunctionState, vm: VmState | undefined): FunctionStatus['vm_state'] {
  if (!vm) return 'lost';
  if (vm.phase !== 'running') return vm.phase;
  if (fn.phase === 'removing') return 'draining';
  return vm.unresponsive_since_ms === null ? 'running' : 'unresponsive';
}

function failureOf({ last_failure }: FunctionState): Failure | null {
  if (!last_failure) return null;
  const { code, category, message, next } = last_failure.failure;
  const { vm_id, at_ms } = last_failure;
  return { code, category, message: cutBytes(message, 2_048), next, vm_id, at_ms };
}

async function ask(runner: StatusSource | undefined, clock: Clock): Promise<Told> {
  const present = runner?.present ?? { vmm: false, guest: false };
  const [seen, stats] = await Promise.all([
    runner && present.vmm ? within(clock, runner.observe()) : null,
    runner && present.guest ? within(clock, runner.stats()) : null,
  ]);
  const unanswered: ('vmm' | 'guest')[] = [];
  if (present.vmm && !seen) unanswered.push('vmm');
  if (present.guest && !stats) unanswered.push('guest');
  return { seen, stats, unanswered };
}

/** The answer, or null when it fails or comes too late. */
async function within<T>(clock: Clock, answer: Promise<T>): Promise<T | null> {
  try {
    return await withDeadline(clock, AGENT_LIMITS.status_vm_ms, answer, () => new Error('late'));
  } catch (error) {
    if (isBug(error)) throw error;
    return null;
  }
}

function regionStatus(
  fn: FunctionState,
  { id, holder, permit_bytes }: RegionState,
  seen: VmObservation | null,
  stats: GuestStats | null,
): RegionStatus {
  const region = seen?.regions.find((one) => one.id === id);
  const pci_address = region?.pci_address ?? null;
  const partition = stats?.partitions.find((one) => one.region_pci === pci_address);
  return {
    id,
    pci_address,
    max_bytes: region?.max_bytes ?? regionBytes(fn.spec),
    requested_bytes: region?.requested_bytes ?? null,
    plugged_bytes: region?.plugged_bytes ?? null,
    guest_plugged_bytes: partition?.plugged_bytes ?? null,
    resident_bytes: region?.resident_bytes ?? null,
    instance_id: holder,
    permit_bytes,
  };
}

/** Null as soon as one of them is not known: a part is not the whole. */
function sumOf(parts: readonly (number | null)[]): number | null {
  let sum = 0;
  for (const part of parts) {
    if (part === null) return null;
    sum += part;
  }
  return sum;
}

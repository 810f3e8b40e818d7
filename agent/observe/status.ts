/** One function as Status shows it: the book, the VMM, the guest and the host side by side. */
import { holderParts } from '../model/named-span.ts';
import { instanceAddress } from '../model/network.ts';
import type { Clock } from '../../base/clock.ts';
import { withDeadline } from '../../base/deadline.ts';
import { AGENT_LIMITS } from '../limits.ts';
import type { VmObservation } from '../../hypervisor-client/vm.ts';
import type { CoreConfig } from '../model/config.ts';
import type { Failure, FunctionStatus, RegionStatus, VmStatus } from '../model/messages.ts';
import { cutBytes } from '../../base/cut-bytes.ts';
import { regionPermitBytes } from '../core/permits.ts';
import { regionMaxBytes } from '../model/spec.ts';
import { type FunctionState, type InstancePhase, vmSpec, type VmState } from '../model/state.ts';
import { targetsOf } from '../model/targets.ts';
import { nodeOfTier, totalBytes } from '../model/tiers.ts';
import type { GuestStats } from '../../guest/protocol/protocol.ts';
import type { Drifts } from './drift.ts';
import { pagesStatus, rungsStatus } from './pool-status.ts';
import { regionUse } from './region-use.ts';
import { reclaimStatus } from './queue-status.ts';
import { memoryStatus } from './explain.ts';
import { spansStatus } from './spans-status.ts';
import { isBug } from './fail-stop.ts';

/** The VM a status is asked of. Unknown figures are null. */
export interface StatusSource {
  /** Who of the two is there to be asked. */
  readonly present: { readonly vmm: boolean; readonly guest: boolean };
  readonly vmm_answered_at_ms: number | null;
  readonly guest_answered_at_ms: number | null;
  /** What was found when it was observed. */
  readonly drifts?: Drifts;
  observe(): Promise<VmObservation | null>;
  stats(): Promise<GuestStats | null>;
  /** What the host's kernel told last. */
  residentBytes(): number | null;
}

/** A VM, and whom to ask about it; undefined: nothing of it is left. */
export interface VmToShow {
  readonly vm: VmState;
  readonly source: StatusSource | undefined;
}

/** A VM, and what VMM and guest told when they were asked for this answer; null: nothing. */
export interface Told extends VmToShow {
  readonly seen: VmObservation | null;
  readonly stats: GuestStats | null;
  readonly unanswered: ('vmm' | 'guest')[];
}

/** A VM that was asked what it knows. */
export type Asked = Promise<Told>;

/** Asks now, so that no silent VM delays the next; it never takes longer than the bound. */
export function askVm(one: VmToShow, clock: Clock): Asked {
  const asked = ask(one, clock);
  // Whoever waits for it hears of a fault, and nobody may wait yet.
  asked.catch(() => undefined);
  return asked;
}

/**
 * What is told of a function is told of all its VMs together, and unknown where one is silent: who
 * does not answer within AGENT_LIMITS.status_vm_ms is named in `unanswered`, and what only it could
 * tell is null.
 */
export function functionStatus(
  fn: FunctionState,
  told: readonly Told[],
  { config, now_ms }: { readonly config: CoreConfig; readonly now_ms: number },
): FunctionStatus {
  const sum = (part: (one: Told) => number | null): number | null => sumOf(told.map(part));
  const book = (part: (vm: VmState) => number): number => sum(({ vm }) => part(vm)) ?? 0;
  const count = (phase: InstancePhase): number =>
    book(({ instances }) => instances.filter((instance) => instance.phase === phase).length);
  const regions = told.flatMap((one) => regionsOf(fn, one));
  const silent = new Set(told.flatMap(({ unanswered }) => unanswered));
  const [first] = told;
  const vms = told.map(({ vm }) => vm);
  return {
    function: fn.spec,
    vm_id: first?.vm.id ?? '',
    vm_state: vmState(fn, first?.vm),
    instances_starting: count('starting'),
    instances_busy: count('busy'),
    instances_idle: count('idle'),
    instances_stopping: count('stopping'),
    invocations_queued: fn.queue.length,
    regions,
    vm_resident_bytes: sum(residentBytes),
    pages_migrated: sum(({ stats }) => stats?.pages_migrated ?? null),
    permits_bytes: book(regionPermitBytes),
    guest_plugged_bytes: sumOf(regions.map((region) => region.guest_plugged_bytes)),
    boot_bytes: book(({ boot_permit }) => totalBytes(boot_permit)),
    instances_started: book(({ instances_started }) => instances_started),
    oom_kills: sum(({ stats }) => stats?.oom_kills ?? null),
    unanswered: (['vmm', 'guest'] as const).filter((who) => silent.has(who)),
    vmm_answered_at_ms: earliest(told.map(({ source }) => source?.vmm_answered_at_ms ?? null)),
    guest_answered_at_ms: earliest(told.map(({ source }) => source?.guest_answered_at_ms ?? null)),
    last_failure: failureOf(fn),
    reclaim: reclaimStatus(fn),
    rungs: rungsStatus(fn, vms, { config, now_ms }),
    targets: fn.targets && targetsOf(fn.spec.name, fn.targets),
    vms: told.map((one) => vmStatus(fn, one)),
    shared_bytes: sum(({ stats }) => stats?.page_cache_bytes ?? null),
    tmp_bytes: sum(({ stats }) => stats?.tmp_bytes ?? null),
    kernel_bytes: sum(({ stats }) => stats?.kernel_bytes ?? null),
    memory: memoryStatus(fn, vms, now_ms),
    spans: spansStatus(fn, vms, now_ms),
    pages: pagesStatus(told.map(({ stats }) => stats)),
  };
}

function vmStatus(fn: FunctionState, one: Told): VmStatus {
  const { vm, unanswered } = one;
  return {
    vm_id: vm.id,
    vm_state: vmState(fn, vm),
    instances: vm.instances.length,
    resident_bytes: residentBytes(one),
    unanswered,
  };
}

function residentBytes({ seen, source }: Told): number | null {
  return seen?.resident_bytes ?? source?.residentBytes() ?? null;
}

/** Null as soon as one of them has never told anything, and where there is none. */
function earliest(stamps_ms: readonly (number | null)[]): number | null {
  let first_ms: number | null = null;
  for (const at_ms of stamps_ms) {
    if (at_ms === null) return null;
    first_ms = Math.min(first_ms ?? at_ms, at_ms);
  }
  return first_ms;
}

/** The phase of a VM, in the words that Status has always had. */
function vmState(fn: FunctionState, vm: VmState | undefined): FunctionStatus['vm_state'] {
  if (!vm) return 'lost';
  if (vm.phase !== 'running') return vm.phase;
  if (vm.retiring?.failure) return 'quarantined';
  if (fn.phase === 'removing' || vm.retiring) return 'draining';
  return vm.unresponsive_since_ms === null ? 'running' : 'unresponsive';
}

function failureOf({ last_failure }: FunctionState): Failure | null {
  if (!last_failure) return null;
  const { code, category, message, next } = last_failure.failure;
  const { vm_id, at_ms } = last_failure;
  return { code, category, message: cutBytes(message, 2_048), next, vm_id, at_ms };
}

async function ask({ vm, source }: VmToShow, clock: Clock): Promise<Told> {
  const present = source?.present ?? { vmm: false, guest: false };
  const [seen, stats] = await Promise.all([
    source && present.vmm ? within(clock, source.observe()) : null,
    source && present.guest ? within(clock, source.stats()) : null,
  ]);
  const unanswered: ('vmm' | 'guest')[] = [];
  if (present.vmm && !seen) unanswered.push('vmm');
  if (present.guest && !stats) unanswered.push('guest');
  return { vm, source, seen, stats, unanswered };
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

function regionsOf(fn: FunctionState, { vm, source, seen, stats }: Told): RegionStatus[] {
  const regions = new Map(seen?.regions.map((one) => [one.id, one]));
  const partitions = new Map(stats?.partitions.map((one) => [one.region_pci, one]));
  return vm.regions.map(({ id, holder, permit_bytes, tier }, index) => {
    const region = regions.get(id);
    const held = holderParts(holder);
    const is_instance = held.instance_id !== null && held.span === null;
    const pci_address = region?.pci_address ?? null;
    const partition = pci_address === null ? undefined : partitions.get(pci_address);
    return {
      id,
      pci_address,
      max_bytes: region?.max_bytes ?? regionMaxBytes(vmSpec(fn, vm), index),
      requested_bytes: region?.requested_bytes ?? null,
      plugged_bytes: region?.plugged_bytes ?? null,
      guest_plugged_bytes: partition?.plugged_bytes ?? null,
      resident_bytes: region?.resident_bytes ?? null,
      ...held,
      permit_bytes,
      vm_id: vm.id,
      drift_bytes: source?.drifts?.of(id)?.bytes ?? null,
      address: is_instance ? instanceAddress(vm.network, index) : null,
      host_node: nodeOfTier(tier),
      nodes: region?.node_bytes ?? [],
      used_bytes: regionUse(partition),
    };
  });
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

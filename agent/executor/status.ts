/** One function as Status shows it: the book, the VMM, the guest and the host side by side. */
import type { FunctionStatus, RegionStatus } from '../api/messages.ts';
import { regionPermitBytes } from '../core/permits.ts';
import { regionBytes } from '../core/spec.ts';
import type { FunctionState, InstancePhase } from '../core/state.ts';
import type { GuestStats } from '../guest/protocol.ts';
import type { VmRunner } from './vm-runner.ts';

export async function functionStatus(
  fn: FunctionState,
  runner: VmRunner | undefined,
): Promise<FunctionStatus> {
  const [seen, stats] = await Promise.all([
    runner?.observe().catch(() => null) ?? null,
    runner?.stats() ?? null,
  ]);
  const count = (phase: InstancePhase): number =>
    fn.instances.filter((instance) => instance.phase === phase).length;
  const regions = fn.regions.map(({ id, instance_id }): RegionStatus => {
    const region = seen?.regions.find((one) => one.id === id);
    const pci_address = region?.pci_address ?? '';
    return {
      id,
      pci_address,
      max_bytes: region?.max_bytes ?? regionBytes(fn.spec),
      requested_bytes: region?.requested_bytes ?? 0,
      plugged_bytes: region?.plugged_bytes ?? 0,
      guest_plugged_bytes: guestPlugged(stats, pci_address),
      resident_bytes: region?.resident_bytes ?? 0,
      instance_id: instance_id ?? '',
    };
  });
  return {
    function: fn.spec,
    vm_id: fn.vm_id,
    vm_state: fn.phase,
    instances_starting: count('starting'),
    instances_busy: count('busy'),
    instances_idle: count('idle'),
    instances_stopping: count('stopping'),
    invocations_queued: fn.queue.length,
    regions,
    vm_resident_bytes: seen?.resident_bytes ?? 0,
    pages_migrated: stats?.pages_migrated ?? 0,
    permits_bytes: regionPermitBytes(fn),
    guest_plugged_bytes: regions.reduce((sum, region) => sum + region.guest_plugged_bytes, 0),
    boot_bytes: fn.boot_permit_bytes,
    oom_kills: stats?.oom_kills ?? 0,
    instances_started: fn.instances_started,
  };
}

function guestPlugged(stats: GuestStats | null, pci_address: string): number {
  const partition = stats?.partitions.find((one) => one.region_pci === pci_address);
  return partition?.plugged_bytes ?? 0;
}

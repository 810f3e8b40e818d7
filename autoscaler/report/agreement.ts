/** Three observers for every region: VMM, guest, host. Disagreement is reported, never rounded. */
import type { MemoryCheckLine } from '../results/schema.ts';

export interface Agreement {
  /** Null when the run never got to its final check. */
  readonly agree: boolean | null;
  readonly regions: number;
  readonly vmm_plugged_bytes: number;
  readonly guest_plugged_bytes: number;
  readonly host_resident_bytes: number;
  /** One line for every region on which the observers differ. */
  readonly disagreements: readonly string[];
}

/**
 * VMM and guest must count the same bytes, and the host must hold no more than that: exactly 0
 * where nothing is plugged, at most the plugged size where memory stays (a page nobody touched is
 * not resident). A VM without regions was lost: that is no agreement.
 */
export function checkAgreement(checks: readonly MemoryCheckLine[]): Agreement {
  const disagreements: string[] = [];
  let regions = 0;
  let vmm_plugged_bytes = 0;
  let guest_plugged_bytes = 0;
  let host_resident_bytes = 0;
  for (const check of checks) {
    if (check.regions.length === 0) {
      disagreements.push(`${check.function}: nothing to observe, its VM is ${check.vm_state}`);
    }
    for (const region of check.regions) {
      regions += 1;
      vmm_plugged_bytes += region.vmm_plugged_bytes;
      guest_plugged_bytes += region.guest_plugged_bytes;
      host_resident_bytes += region.host_resident_bytes;
      const same = region.vmm_plugged_bytes === region.guest_plugged_bytes;
      if (same && region.host_resident_bytes <= region.vmm_plugged_bytes) continue;
      disagreements.push(
        `${check.function} ${region.id}: VMM ${region.vmm_plugged_bytes} B plugged, ` +
          `guest ${region.guest_plugged_bytes} B, host ${region.host_resident_bytes} B resident`,
      );
    }
  }
  return {
    agree: checks.length === 0 ? null : disagreements.length === 0,
    regions,
    vmm_plugged_bytes,
    guest_plugged_bytes,
    host_resident_bytes,
    disagreements,
  };
}

/** Three observers for every region: VMM, guest, host. Disagreement is reported, never rounded. */
import { plus } from '../../base/statistics.ts';
import type { MemoryCheckLine } from '../results/schema.ts';

export interface Agreement {
  /** Null when the run never got to its final check. */
  readonly agree: boolean | null;
  readonly regions: number;
  /** Sums over all regions; null when an observer did not tell all of them. */
  readonly vmm_plugged_bytes: number | null;
  readonly guest_plugged_bytes: number | null;
  readonly host_resident_bytes: number | null;
  /** One line for every region on which the observers differ. */
  readonly disagreements: readonly string[];
}

const told = (bytes: number | null): string => (bytes === null ? 'unknown' : `${bytes} B`);

/**
 * VMM and guest must count the same bytes, and the host must hold no more than that: exactly 0
 * where nothing is plugged, at most the plugged size where memory stays (a page nobody touched is
 * not resident). A VM without regions was lost: that is no agreement.
 */
export function checkAgreement(checks: readonly MemoryCheckLine[]): Agreement {
  const disagreements: string[] = [];
  let regions = 0;
  let vmm_plugged_bytes: number | null = 0;
  let guest_plugged_bytes: number | null = 0;
  let host_resident_bytes: number | null = 0;
  for (const check of checks) {
    if (check.regions.length === 0) {
      disagreements.push(`${check.function}: nothing to observe, its VM is ${check.vm_state}`);
    }
    for (const region of check.regions) {
      regions += 1;
      const { vmm_plugged_bytes: vmm, guest_plugged_bytes: guest } = region;
      const { host_resident_bytes: host } = region;
      vmm_plugged_bytes = plus(vmm_plugged_bytes, vmm);
      guest_plugged_bytes = plus(guest_plugged_bytes, guest);
      host_resident_bytes = plus(host_resident_bytes, host);
      // An observer that told nothing agrees with nobody.
      if (vmm !== null && host !== null && vmm === guest && host <= vmm) continue;
      disagreements.push(
        `${check.function} ${region.id}: VMM ${told(vmm)} plugged, guest ${told(guest)}, ` +
          `host ${told(host)} resident`,
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

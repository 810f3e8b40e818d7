/** Memory of an emulated invocation over time, in a fake guest: it waits where it is full. */
import type { Clock } from '../../base/clock.ts';
import { DEVICE_BLOCK_BYTES } from '../../base/units.ts';
import type { MemoryEvent } from '../../guest/protocol/protocol.ts';
import type { Work } from '../model/work.ts';

interface Grower {
  readonly clock: Clock;
  readonly step_ms: number;
  readonly instance: string;
  readonly region_pci: string;
  readonly grow_wait_ms: number;
  readonly plugged: () => number;
  /** Its end, or a denial. */
  readonly isOver: () => boolean;
  readonly say: (told: Omit<MemoryEvent, 'at_ms'>) => void;
}

/** The phases of a work, then the rest of its wall time; false: it was ended on the way. */
export async function playPhases(work: Work, grower: Grower): Promise<boolean> {
  const { clock, grow_wait_ms } = grower;
  const started_ms = clock.nowMs();
  const { anonymous_bytes, phases = [] } = work;
  for (const phase of [{ at_ms: 0, anonymous_bytes }, ...phases]) {
    const rest_ms = started_ms + phase.at_ms - clock.nowMs();
    if (rest_ms > 0) await clock.sleep(rest_ms);
    if (grow_wait_ms === 0) continue;
    if (!(await grown(phase.anonymous_bytes, grower))) return false;
    tell(phase.anonymous_bytes, 0, grower);
  }
  const rest_ms = started_ms + work.wall_ms - clock.nowMs();
  if (rest_ms > 0) await clock.sleep(rest_ms);
  return true;
}

/** False: it was denied, or waited too long. */
async function grown(bytes: number, grower: Grower): Promise<boolean> {
  const { clock, grow_wait_ms, step_ms, plugged, isOver } = grower;
  const end_ms = clock.nowMs() + grow_wait_ms;
  while (plugged() < bytes) {
    if (isOver() || clock.nowMs() >= end_ms) return false;
    tell(plugged(), bytes - plugged(), grower);
    await clock.sleep(step_ms);
  }
  return !isOver();
}

function tell(used_bytes: number, want_bytes: number, grower: Grower): void {
  const { instance, region_pci, plugged, say } = grower;
  const plugged_bytes = plugged();
  const free_bytes = Math.max(0, plugged_bytes - used_bytes);
  const free_tail_bytes = Math.floor(free_bytes / DEVICE_BLOCK_BYTES) * DEVICE_BLOCK_BYTES;
  const sizes = { plugged_bytes, used_bytes, free_tail_bytes, want_bytes };
  say({ type: 'memory', instance, region_pci, ...sizes });
}

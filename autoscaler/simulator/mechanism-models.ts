/**
 * Mechanisms as the simulator knows them: how long memory takes to come and to go. A model, never a
 * measurement: from published figures, named as such, or fitted to a folder of results. Pure.
 */
import { MIB } from '../../base/units.ts';

export interface MechanismModel {
  readonly name: string;
  /** Where its numbers come from. */
  readonly source: string;
  readonly plug: Line;
  readonly unplug: Line;
  /**
   * In one VM regions go one after the other, and what runs beside takes so many times as long
   * meanwhile. Absent: all go at once, and nobody notices; the fast engine alone knows it.
   */
  readonly neighbour_slowdown?: number;
  /** False: whatever is plugged stays so, from boot to end. */
  readonly gives_back: boolean;
}

/** Time of a resize: a part that is always there, and one for each MiB. */
export interface Line {
  readonly base_ms: number;
  readonly ms_per_mib: number;
}

const NONE: Line = { base_ms: 0, ms_per_mib: 0 };
/** 35 to 45 ms for every size (arXiv 2411.12893v2, 4.4). */
const PLUG: Line = { base_ms: 40, ms_per_mib: 0 };
const PAPER = 'HotMem (Squeezy), arXiv 2411.12893v2';

export const MECHANISM_MODELS: ReadonlyMap<string, MechanismModel> = new Map(
  [
    { name: 'ideal', source: 'no time at all', plug: NONE, unplug: NONE, gives_back: true },
    { name: 'static', source: 'nothing moves', plug: NONE, unplug: NONE, gives_back: false },
    {
      name: 'balloon',
      source: `${PAPER}: virtio-mem is 2.34 times as fast`,
      plug: PLUG,
      unplug: { base_ms: 0, ms_per_mib: 2.8 },
      gives_back: true,
    },
    {
      name: 'virtio-mem',
      source: `${PAPER}: 617 ms for 512 MiB, almost 2.5 s for 2 GiB`,
      plug: PLUG,
      unplug: { base_ms: 0, ms_per_mib: 1.2 },
      gives_back: true,
    },
    {
      name: 'numa',
      source: 'ratios of `hotplane bench reclaim` under TCG to hotmem; not a time of hardware',
      plug: PLUG,
      unplug: { base_ms: 0, ms_per_mib: 0.09 },
      gives_back: true,
    },
    {
      name: 'hotmem',
      source: `${PAPER}: 127 ms for 2 GiB`,
      plug: PLUG,
      unplug: { base_ms: 0, ms_per_mib: 0.062 },
      gives_back: true,
    },
  ].map((model) => [model.name, model]),
);

export function resizeMs({ base_ms, ms_per_mib }: Line, bytes: number): number {
  return base_ms + (ms_per_mib * bytes) / MIB;
}

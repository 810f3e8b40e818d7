/**
 * How memory comes back to the host: one row for each mechanism, and nothing else in the project
 * asks for one by name to find out how it works. A new mechanism is one row. Pure.
 */
import { Registry } from '../../base/registry.ts';
import type { AttachKind } from '../../guest/protocol/protocol.ts';

/** The name of a registered mechanism; checked where it comes in from outside. */
export type MechanismName = string;

/** Line and colours in charts: told apart by lightness and by dash. */
export interface MechanismLine {
  /** Value of stroke-dasharray; empty: a whole line. */
  readonly dash: string;
  /** On white, and on the dark page. */
  readonly light: string;
  readonly dark: string;
}

export interface Mechanism {
  readonly name: MechanismName;
  /** Regions follow instances (true), or are plugged once, from boot to end. */
  readonly plugs_on_demand: boolean;
  /** Devices become partitions of the guest kernel, which has to be the one with the series. */
  readonly partitions: boolean;
  /** What an instance is bound to before it runs. */
  readonly attach: AttachKind;
  /** Each region is a NUMA node of the guest. */
  readonly node_per_region: boolean;
  /** What holds an instance to its limit: its partition is no larger, or its memory cgroup. */
  readonly limited_by: 'partition' | 'cgroup';
  /** An unplug moves pages of other instances out of the way. */
  readonly migrates: boolean;
  readonly line: MechanismLine;
}

/** Whatever others are compared with when it is among them: memory is never given back. */
export const BASELINE = 'static';
/** What Linux does without any of our doing. */
export const STOCK = 'virtio-mem';

/** In the order in which they are offered. Lines: steps of lightness of at least 7 (CIE L*). */
export const MECHANISMS = new Registry<Mechanism>('mechanism', [
  {
    name: BASELINE,
    plugs_on_demand: false,
    partitions: false,
    attach: 'none',
    node_per_region: false,
    limited_by: 'cgroup',
    migrates: false,
    line: { dash: '14 4', light: '#8b929c', dark: '#8a93a3' },
  },
  {
    name: STOCK,
    plugs_on_demand: true,
    partitions: false,
    attach: 'none',
    node_per_region: false,
    limited_by: 'cgroup',
    migrates: true,
    line: { dash: '7 3', light: '#c2570c', dark: '#e8914a' },
  },
  {
    name: 'numa',
    plugs_on_demand: true,
    partitions: false,
    attach: 'numa',
    node_per_region: true,
    limited_by: 'cgroup',
    migrates: false,
    line: { dash: '2 3', light: '#1f51b0', dark: '#9fc0ff' },
  },
  {
    name: 'hotmem',
    plugs_on_demand: true,
    partitions: true,
    attach: 'hotmem',
    node_per_region: false,
    limited_by: 'partition',
    migrates: false,
    line: { dash: '', light: '#064a37', dark: '#8ff5d2' },
  },
]);

/** The guest's number of a region's own node, from 1; null where regions have none. */
export function guestNodeOf(mechanism: Mechanism, region_index: number): number | null {
  return mechanism.node_per_region ? region_index + 1 : null;
}

/** What makes memory ready ahead of a call, part by part, and how an agent is told so. Pure. */

/**
 * `prepare`: the guest clears and touches what stands plugged. `fresh_zero`: it does not clear what
 * was just plugged, by the driver's word. `arena`: the program has its memory before it is ready.
 */
const PARTS = ['prepare', 'fresh_zero', 'arena'] as const;
export type MementoPart = (typeof PARTS)[number];

export interface MementoArm {
  readonly name: string;
  readonly parts: readonly MementoPart[];
}

/** Nothing of it, each alone, and all of it. */
export const MEMENTO_ARMS: readonly [MementoArm, ...MementoArm[]] = [
  { name: 'off', parts: [] },
  ...PARTS.map((part) => ({ name: part, parts: [part] })),
  { name: 'all', parts: PARTS },
];

export const hasArena = ({ parts }: MementoArm): boolean => parts.includes('arena');

/** An arena is the program's: arms that differ by it alone share an agent. */
export function agentOf({ parts }: MementoArm): readonly string[] {
  return [
    parts.includes('prepare') ? '--prepare' : '--no-prepare',
    parts.includes('fresh_zero') ? '--no-clear-plugged' : '--clear-plugged',
  ];
}

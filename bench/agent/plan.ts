/** What `bench agent` measures, and in which order. Pure. */
import { LIMITS } from '../../base/limits.ts';

/** One figure: calls in a closed loop, so many of them open at any time, for a while. */
export interface AgentCell {
  readonly name: string;
  /**
   * `warm`: an idle instance serves. `cycle`: each call starts an instance, and its end unplugs.
   * `echo`: the bare gRPC server instead of the agent. `added`: call and echo in turn, one open.
   */
  readonly kind: 'warm' | 'cycle' | 'echo' | 'added';
  readonly regions: number;
  readonly in_flight: number;
}

export interface AgentBenchOptions {
  /** Times the whole list is run, every second time backwards. */
  readonly rounds: number;
  /** Duration of one cell. */
  readonly cell_ms: number;
  /** Functions of the part with many of them; each has a VM with the most regions there are. */
  readonly functions: number;
  readonly idle_ms: number;
  /** How many VMs the part with very many of them has, step by step. */
  readonly vms: readonly number[];
}

export const USUAL_OPTIONS: AgentBenchOptions = {
  rounds: 3,
  cell_ms: 2_000,
  functions: LIMITS.vms_per_host_usual,
  idle_ms: 2_000,
  vms: [250, 500, 750, 1_000],
};

/** A look at whether it works, for tests and CI: its figures say nothing. */
export const SHORT_OPTIONS: AgentBenchOptions = {
  rounds: 1,
  cell_ms: 150,
  functions: 3,
  idle_ms: 50,
  vms: [2, 4],
};

const FEW_REGIONS = 8;
export const MANY_REGIONS = 192;
/** Of each VM of the part with very many. */
export const VM_REGIONS = 32;
/** Open calls: one caller, a busy host, and more than it can serve at once. */
const IN_FLIGHT = [1, 16, 1_000] as const;
/** Open calls of a cycle: half of the few regions, so that none waits for a region. */
const CYCLES_IN_FLIGHT = 4;

/** What a reader of the live state hears of; a call is a plug and an unplug. */
export const OPERATIONS_PER_S = 2_000;

export function cellsOf(): AgentCell[] {
  const cells: AgentCell[] = [{ name: 'bare gRPC', kind: 'echo', regions: 0, in_flight: 16 }];
  for (const regions of [FEW_REGIONS, MANY_REGIONS]) {
    for (const in_flight of IN_FLIGHT) {
      cells.push({ name: 'warm call', kind: 'warm', regions, in_flight });
    }
    cells.push({ name: 'plug + unplug', kind: 'cycle', regions, in_flight: 1 });
    cells.push({ name: 'plug + unplug', kind: 'cycle', regions, in_flight: CYCLES_IN_FLIGHT });
  }
  cells.push({ name: 'added', kind: 'added', regions: FEW_REGIONS, in_flight: 1 });
  return cells;
}

/** All rounds: whatever drifts meanwhile falls on every cell alike. */
export function cellOrderOf(cells: readonly AgentCell[], rounds: number): AgentCell[] {
  return Array.from({ length: rounds }, (_, round) =>
    round % 2 === 0 ? cells : cells.toReversed(),
  ).flat();
}

/** Name of the function that a cell calls. */
export function functionOf(cell: AgentCell): string {
  return `${cell.kind === 'cycle' ? 'cycle' : 'warm'}-${cell.regions}`;
}

/** What `bench core` measures, and in which order. Pure. */

/** One figure: the same steps over a host of this size. */
export interface Case {
  /**
   * `cycle`: cold and warm invocations, keep-alive and stop, one VM after the other. `queue`: one
   * invocation ends and another comes, at a VM that is full.
   */
  readonly kind: 'cycle' | 'queue';
  readonly vms: number;
  /** Invocations that wait at the VM that is full. */
  readonly queued: number;
}

export interface CoreBenchOptions {
  /** Times every figure is taken, every second time in backward order. */
  readonly rounds: number;
  /** CPU time of one figure of one round at least: less is not told apart from the clock. */
  readonly figure_ms: number;
  /** No round is begun that would end later than this, by the time the last one took. */
  readonly budget_ms: number;
  readonly cases: readonly Case[];
}

export const REGIONS_PER_VM = 24;

/** A VM that does nothing is no load: so many of its regions have an instance at work. */
export const BUSY_PER_VM = 2;

const cycle = (vms: number): Case => ({ kind: 'cycle', vms, queued: 0 });
const queue = (queued: number): Case => ({ kind: 'queue', vms: 4, queued });

export const USUAL_OPTIONS: CoreBenchOptions = {
  rounds: 9,
  figure_ms: 60,
  budget_ms: 25_000,
  cases: [cycle(4), cycle(256), cycle(1_000), queue(0), queue(100), queue(9_000)],
};

/** A look at whether it works, for tests and CI: its figures say nothing. */
export const SHORT_OPTIONS: CoreBenchOptions = {
  rounds: 1,
  figure_ms: 1,
  budget_ms: 10_000,
  cases: [cycle(4), cycle(16), queue(0), queue(100)],
};

export interface CaseTurn {
  readonly of: Case;
  /** Which core, by its place in the list of cores. */
  readonly core: number;
}

/** One round: the cores take turns at every case, so that what drifts falls on all alike. */
export function turnsOf(cases: readonly Case[], cores: number, round: number): CaseTurn[] {
  const turns = cases.flatMap((of) => Array.from({ length: cores }, (_, core) => ({ of, core })));
  return round % 2 === 0 ? turns : turns.toReversed();
}

export function caseName({ kind, vms, queued }: Case): string {
  const size = `${vms} VMs of ${REGIONS_PER_VM} regions`;
  return kind === 'cycle' ? size : `${size}, ${queued} queued`;
}

/**
 * Which blocks are run, in which order. A block is one boot of one cell. Mechanisms of one
 * condition follow each other closely and change their order from round to round (A B C, B C A,
 * ...), and every second round runs the conditions backwards, so that whatever drifts on the host
 * meets all of them alike. Pure.
 */
import { GIB, MIB } from '../../../base/units.ts';
import {
  BASE_CONDITION,
  type BenchMechanism,
  type Cell,
  type Condition,
  conditionName,
  REFERENCE,
} from './cell.ts';
import { type BenchOptions, type Part, PARTS } from './options.ts';

export interface PlanGroup {
  readonly condition: Condition;
  readonly mechanisms: readonly BenchMechanism[];
}

export interface BlockPlan {
  /** `r1-b03`, unique in the run. */
  readonly block: string;
  readonly round: number;
  readonly cell: Cell;
}

export interface Plan {
  readonly groups: readonly PlanGroup[];
  readonly rounds: number;
  /** Unplugs per block ... */
  readonly repetitions: number;
  /** ... and times as many for `hotmem`, which costs little time. */
  readonly hotmem_factor: number;
  readonly parts: readonly Part[];
  readonly blocks: readonly BlockPlan[];
  readonly seed: number;
  /** Requests of each kind that must meet an unplug before a neighbour block may end early. */
  readonly neighbour_samples: number;
}

const OCCUPANCIES = [0, 25, 50, 75, 95] as const;
const SIZES = { small: 128 * MIB, middle: 512 * MIB, large: 2 * GIB } as const;
const DEFAULT_ROUNDS = 2;
const DEFAULT_REPETITIONS = 3;
const DEFAULT_HOTMEM_FACTOR = 3;
const DEFAULT_NEIGHBOUR_SAMPLES = 120;
const SHORT_SIZE = 256 * MIB;
const SHORT_REPETITIONS = 3;

export function makePlan(options: BenchOptions): Plan {
  const groups = options.short ? shortGroups(options) : chooseGroups(options);
  const parts = options.parts ?? (options.short || narrowed(options) ? ['reclaim'] : undefined);
  const rounds = options.rounds ?? (options.short ? 1 : DEFAULT_ROUNDS);
  const wanted: readonly Part[] = parts ?? PARTS;
  const kept = wanted.includes('reclaim') ? groups : [];
  return {
    groups: kept,
    rounds,
    repetitions: options.repetitions ?? (options.short ? SHORT_REPETITIONS : DEFAULT_REPETITIONS),
    hotmem_factor: options.short || options.repetitions !== null ? 1 : DEFAULT_HOTMEM_FACTOR,
    parts: wanted,
    blocks: orderBlocks(kept, rounds),
    seed: options.seed,
    neighbour_samples: options.short ? 20 : DEFAULT_NEIGHBOUR_SAMPLES,
  };
}

/**
 * Every cell once in every round; the mechanisms of a group rotate with the round, and every second
 * round takes the groups from last to first.
 */
export function orderBlocks(groups: readonly PlanGroup[], rounds: number): BlockPlan[] {
  const blocks: BlockPlan[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    let number = 0;
    const order = [...groups.entries()];
    if (round % 2 === 0) order.reverse();
    for (const [index, { condition, mechanisms }] of order) {
      for (const mechanism of rotated(mechanisms, round - 1 + index)) {
        number += 1;
        const block = `r${round}-b${String(number).padStart(2, '0')}`;
        blocks.push({ block, round, cell: { mechanism, ...condition } });
      }
    }
  }
  return blocks;
}

/** Unplugs of one block. */
export function repetitionsOf(
  { mechanism }: Pick<Cell, 'mechanism'>,
  { repetitions, hotmem_factor }: Pick<Plan, 'repetitions' | 'hotmem_factor'>,
): number {
  return repetitions * (mechanism === REFERENCE ? hotmem_factor : 1);
}

export function rotated<T>(items: readonly T[], by: number): T[] {
  if (items.length === 0) return [];
  const start = by % items.length;
  return [...items.slice(start), ...items.slice(0, start)];
}

/** True when an option picks conditions, so that the default plan does not apply. */
function narrowed(options: BenchOptions): boolean {
  const { sizes_bytes, occupancy_percents, init_on_alloc, pages, backings, neighbour } = options;
  const named = [sizes_bytes, occupancy_percents, init_on_alloc, pages, backings, neighbour];
  return named.some((value) => value !== null);
}

function chooseGroups(options: BenchOptions): PlanGroup[] {
  return narrowed(options) ? crossGroups(options) : defaultGroups(options);
}

/** Every combination of what was named; what was not named stays at its base value. */
function crossGroups(options: BenchOptions): PlanGroup[] {
  const { sizes_bytes, occupancy_percents, init_on_alloc, pages, backings, neighbour } = options;
  let conditions = (sizes_bytes ?? [SIZES.middle]).map((size) => variation(size));
  const cross = <K extends keyof Condition>(field: K, values: readonly Condition[K][] | null) => {
    if (values === null) return;
    conditions = conditions.flatMap((one) => values.map((value) => ({ ...one, [field]: value })));
  };
  cross('occupancy_percent', occupancy_percents);
  cross('init_on_alloc', init_on_alloc);
  cross('pages', pages);
  cross('backing', backings);
  cross('neighbour', neighbour);
  return conditions.map((condition) => ({ condition, mechanisms: options.mechanisms }));
}

function variation(region_bytes: number, other: Partial<Condition> = {}): Condition {
  return { ...BASE_CONDITION, region_bytes, ...other };
}

/** One invocation that gives every figure the project promises. */
function defaultGroups({ mechanisms }: BenchOptions): PlanGroup[] {
  const only = (...names: readonly BenchMechanism[]) =>
    mechanisms.filter((name) => names.includes(name));
  const groups: PlanGroup[] = [
    { condition: variation(SIZES.small), mechanisms },
    { condition: variation(SIZES.middle), mechanisms },
    { condition: variation(SIZES.large), mechanisms },
    { condition: variation(SIZES.large, { backing: 'memfd' }), mechanisms: only('hotmem') },
    { condition: variation(SIZES.middle, { init_on_alloc: true }), mechanisms },
    { condition: variation(SIZES.middle, { pages: 'huge' }), mechanisms },
    { condition: variation(SIZES.middle, { neighbour: true }), mechanisms },
    ...OCCUPANCIES.map((occupancy_percent) => ({
      condition: variation(SIZES.large, { occupancy_percent }),
      // The slow mechanism at both ends: enough to see the slope.
      mechanisms: [0, 95].includes(occupancy_percent)
        ? only('hotmem', 'virtio-mem')
        : only('hotmem'),
    })),
  ];
  return groups.filter((group) => group.mechanisms.length > 0);
}

function shortGroups(options: BenchOptions): PlanGroup[] {
  const asked = crossGroups({ ...options, sizes_bytes: options.sizes_bytes ?? [SHORT_SIZE] });
  return asked.filter((group) => group.mechanisms.length > 0);
}

/** For people, before the run starts. */
export function describePlan(plan: Plan): string[] {
  const lines = plan.groups.map(
    ({ condition, mechanisms }) => `  ${conditionName(condition)}: ${mechanisms.join(', ')}`,
  );
  const total = `${plan.blocks.length} blocks: ${plan.groups.length} conditions, `;
  const factor =
    plan.hotmem_factor === 1 ? '' : ` (hotmem ${repetitionsOf({ mechanism: REFERENCE }, plan)})`;
  const repeats = `${plan.rounds} round(s), ${plan.repetitions} repetitions a block${factor}`;
  const other = plan.parts.filter((part) => part !== 'reclaim');
  return [
    `${total}${repeats}, seed ${plan.seed}`,
    ...lines,
    ...other.map((part) => `  ${part}: ${PART_NOTES[part]}`),
  ];
}

const PART_NOTES: Readonly<Record<Part, string>> = {
  reclaim: 'plug, fill, stop, unplug, replug',
  off: 'feature compiled in and off against the untouched kernel, counted instructions',
  attached: 'page faults attached against not attached, 1 and 4 threads',
  lock: 'instructions under the lock of a partition, of a page fault and of the end of its page',
};

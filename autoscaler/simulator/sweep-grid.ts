/** The grid of a sweep: what its file says, and the cells that follow from it, in order. Pure. */
import { z } from 'zod';
import { parseBytes } from '../../base/units.ts';
import type { HostModel } from './host-model.ts';
import { MECHANISM_MODELS } from './mechanism-models.ts';
import { DEFAULT_POOL, type PoolSpec, poolSpecSchema } from '../../agent/model/pool-spec.ts';
import { isTimed, NEEDS_LIMIT, type PolicyChoice, SIMULATED_POLICIES } from './simulation.ts';

const list = <Item extends z.ZodType>(item: Item) => z.array(item).min(1).max(64);
const milliseconds = z.number().nonnegative().max(600_000);
const MECHANISM_NAMES = [...MECHANISM_MODELS.values()]
  .filter(({ gives_back }) => gives_back)
  .map(({ name }) => name);

const hostLimit = z.string().transform((text, context) => {
  if (text === 'none') return Number.POSITIVE_INFINITY;
  const bytes = parseBytes(text);
  if (bytes !== null && bytes > 0) return bytes;
  context.addIssue('must be none, or a size like 64GiB');
  return z.NEVER;
});

const POOL_FIELDS = poolSpecSchema.shape;

const poolWorth = z
  .union([z.literal('none'), z.number().positive().max(86_400_000)], {
    error: 'must be none, or GiB s above 0',
  })
  .transform((worth) => (worth === 'none' ? null : worth));

/** Keys are those of the options; each has a list, and every combination is a run. */
export const gridSchema = z.strictObject({
  policy: list(z.enum(SIMULATED_POLICIES)).default(['fixed-keep-alive']),
  /** Seconds; of policies that go by them. */
  'keep-alive': list(z.number().nonnegative().max(86_400)).default([120]),
  /** Seconds, and the others: of the policy of that name; without a price the core plays it. */
  'pool-bucket': list(z.number().int().min(1).max(86_400)).default([600]),
  'pool-active': list(POOL_FIELDS.active_buckets).default([DEFAULT_POOL.active_buckets]),
  'pool-degraded': list(POOL_FIELDS.degraded_buckets).default([DEFAULT_POOL.degraded_buckets]),
  'pool-percentile': list(POOL_FIELDS.percentile).default([DEFAULT_POOL.percentile]),
  'pool-worth': list(poolWorth).default([DEFAULT_POOL.worth_gib_s]),
  mechanism: list(z.enum(MECHANISM_NAMES)).default(['hotmem']),
  'host-limit': list(hostLimit).default([Number.POSITIVE_INFINITY]),
  'when-short': list(z.enum(['refuse', 'wait'])).default(['refuse']),
  'start-ms': list(milliseconds).default([300]),
  'stop-ms': list(milliseconds).default([10]),
});
export type Grid = z.output<typeof gridSchema>;

/** One run of a sweep. */
export interface SweepCell {
  readonly choice: PolicyChoice;
  readonly mechanism: string;
  /** Null: no limit. */
  readonly host_limit_bytes: number | null;
  readonly when_short: HostModel['when_short'];
  readonly start_ms: number;
  readonly stop_ms: number;
}

/**
 * The last key changes fastest; combinations that differ in nothing are one. Policies that let go
 * for memory alone have no run without a limit, and always wait for it.
 */
export function sweepCellsOf(grid: Grid): SweepCell[] {
  const cells: SweepCell[] = [];
  for (const policy of grid.policy)
    for (const choice of choicesOf(policy, grid))
      for (const mechanism of grid.mechanism)
        for (const limit_bytes of grid['host-limit'])
          for (const when_short of limitedOf(limit_bytes, shortOf(policy, grid)))
            for (const start_ms of grid['start-ms'])
              for (const stop_ms of grid['stop-ms']) {
                const is_limited = limit_bytes < Number.POSITIVE_INFINITY;
                if (!is_limited && NEEDS_LIMIT.has(policy)) continue;
                cells.push({
                  choice,
                  mechanism,
                  host_limit_bytes: is_limited ? limit_bytes : null,
                  when_short,
                  start_ms,
                  stop_ms,
                });
              }
  return cells;
}

/** Of one policy: a run for each of what it goes by. */
function choicesOf(policy: PolicyChoice['policy'], grid: Grid): PolicyChoice[] {
  const [first = 0] = grid['keep-alive'];
  if (policy === 'pool') {
    return poolsOf(grid).map((pool) => ({ policy, keep_alive_ms: first * 1000, pool }));
  }
  const times = isTimed(policy) ? grid['keep-alive'] : [first];
  return times.map((seconds) => ({ policy, keep_alive_ms: seconds * 1000 }));
}

/** A price says all that degraded buckets and a percentile say without one. */
function poolsOf(grid: Grid): PoolSpec[] {
  const pools: PoolSpec[] = [];
  for (const seconds of grid['pool-bucket'])
    for (const active_buckets of grid['pool-active'])
      for (const worth_gib_s of grid['pool-worth']) {
        const of_all = { ...DEFAULT_POOL, bucket_ms: seconds * 1000, active_buckets, worth_gib_s };
        if (worth_gib_s !== null) pools.push(of_all);
        else
          for (const degraded_buckets of grid['pool-degraded'])
            for (const percentile of grid['pool-percentile'])
              pools.push({ ...of_all, degraded_buckets, percentile });
      }
  return pools;
}

function shortOf(policy: string, grid: Grid): Grid['when-short'] {
  return NEEDS_LIMIT.has(policy) ? ['wait'] : grid['when-short'];
}

function limitedOf<Item>(limit_bytes: number, all: readonly Item[]): readonly Item[] {
  return limit_bytes < Number.POSITIVE_INFINITY ? all : all.slice(0, 1);
}

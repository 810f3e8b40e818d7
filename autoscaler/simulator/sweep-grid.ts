/** The grid of a sweep: what its file says, and the cells that follow from it, in order. Pure. */
import { z } from 'zod';
import { parseBytes } from '../../base/units.ts';
import type { HostModel } from './host-model.ts';
import { MECHANISM_MODELS } from './mechanism-models.ts';
import { isTimed, NEEDS_LIMIT, type PolicyChoice } from './simulation.ts';
import { REFERENCE_ONLY, SIMULATED_POLICIES } from './simulation.ts';

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

const swept = z
  .enum(SIMULATED_POLICIES)
  .refine((name) => !REFERENCE_ONLY.has(name), 'is not played by the fast engine');

/** Keys are those of the options; each has a list, and every combination is a run. */
export const gridSchema = z.strictObject({
  policy: list(swept).default(['fixed-keep-alive']),
  /** Seconds; of policies that go by them. */
  'keep-alive': list(z.number().nonnegative().max(86_400)).default([120]),
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
    for (const seconds of isTimed(policy) ? grid['keep-alive'] : grid['keep-alive'].slice(0, 1))
      for (const mechanism of grid.mechanism)
        for (const limit_bytes of grid['host-limit'])
          for (const when_short of limitedOf(limit_bytes, shortOf(policy, grid)))
            for (const start_ms of grid['start-ms'])
              for (const stop_ms of grid['stop-ms']) {
                const is_limited = limit_bytes < Number.POSITIVE_INFINITY;
                if (!is_limited && NEEDS_LIMIT.has(policy)) continue;
                cells.push({
                  choice: { policy, keep_alive_ms: seconds * 1000 },
                  mechanism,
                  host_limit_bytes: is_limited ? limit_bytes : null,
                  when_short,
                  start_ms,
                  stop_ms,
                });
              }
  return cells;
}

function shortOf(policy: string, grid: Grid): Grid['when-short'] {
  return NEEDS_LIMIT.has(policy) ? ['wait'] : grid['when-short'];
}

function limitedOf<Item>(limit_bytes: number, all: readonly Item[]): readonly Item[] {
  return limit_bytes < Number.POSITIVE_INFINITY ? all : all.slice(0, 1);
}

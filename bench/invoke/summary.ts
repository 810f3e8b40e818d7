/** What the starts of a run come to. Pure. */
import { BASELINE, STOCK } from '../../agent/model/mechanism.ts';
import type { Check } from '../check.ts';
import { type Ratio, ratioOfMedians, type Spread, spreadOf } from '../statistics.ts';
import { startChecks } from './checks.ts';
import type { InvokeOptions } from './options.ts';
import { perStage, type StartStage, type StartLine } from './stages.ts';

/** All starts of one mechanism in bursts of one size. Times count from the caller's request. */
export interface BurstSummary {
  readonly mechanism: string;
  readonly starts: number;
  /** Over every start; null when none reached the stage. */
  readonly stages_ms: Readonly<Record<StartStage, Spread | null>>;
  /** Until the agent was told of the first instance of a burst, and of its last. */
  readonly first_ms: Spread | null;
  readonly last_ms: Spread | null;
  /** First of a burst over a lone start of the same mechanism; null for lone starts. */
  readonly first_over_lone: Ratio | null;
  /** Last of a burst over that of `static` in the same run. */
  readonly last_over_static: Ratio | null;
  /** Median over that of `virtio-mem` in the same run. */
  readonly median_over_stock: Ratio | null;
}

export interface InvokeSummary {
  readonly bursts: readonly BurstSummary[];
  readonly checks: readonly Check[];
}

const SEED = 1;

export function summarizeStarts(
  lines: readonly StartLine[],
  { mechanisms, starts }: Pick<InvokeOptions, 'mechanisms' | 'starts'>,
): InvokeSummary {
  const bursts = starts.flatMap((many) =>
    mechanisms.map((mechanism) => summaryOf(lines, mechanism, many)),
  );
  return { bursts, checks: startChecks(bursts) };
}

function summaryOf(lines: readonly StartLine[], mechanism: string, starts: number): BurstSummary {
  const own = select(lines, mechanism, starts);
  const first = edges(own, 'first');
  const last = edges(own, 'last');
  const told = (name: string): number[] => reached(select(lines, name, starts), 'told');
  const lone = reached(select(lines, mechanism, 1), 'told');
  const baseline = edges(select(lines, BASELINE, starts), 'last');
  return {
    mechanism,
    starts,
    stages_ms: perStage((stage) => spreadOf(reached(own, stage))),
    first_ms: spreadOf(first),
    last_ms: spreadOf(last),
    first_over_lone: starts === 1 ? null : ratioOfMedians(first, lone, SEED),
    last_over_static: mechanism === BASELINE ? null : ratioOfMedians(last, baseline, SEED),
    median_over_stock:
      mechanism === STOCK ? null : ratioOfMedians(told(mechanism), told(STOCK), SEED),
  };
}

function select(lines: readonly StartLine[], mechanism: string, starts: number): StartLine[] {
  return lines.filter((line) => line.mechanism === mechanism && line.starts === starts);
}

function reached(lines: readonly StartLine[], stage: StartStage): number[] {
  return lines.flatMap(({ stages_ms }) => stages_ms[stage] ?? []);
}

/** One figure of each burst. */
function edges(lines: readonly StartLine[], which: 'first' | 'last'): number[] {
  const bursts = Map.groupBy(lines, ({ burst }) => burst);
  return [...bursts.values()].flatMap((one) => {
    const told = reached(one, 'told');
    if (told.length === 0) return [];
    return which === 'first' ? Math.min(...told) : Math.max(...told);
  });
}

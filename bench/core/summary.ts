/** Rounds of `bench core` made into rows, and the promises held against them. Pure. */
import { atMost, type Check, intervalText, shown } from '../check.ts';
import { ratioOfMedians, spreadOf } from '../statistics.ts';
import { type Case, caseName, REGIONS_PER_VM } from './plan.ts';
import type { CoreBench, CoreReport, CoreRow } from './records.ts';

const SEED = 1;
const US_PER_STEP_MAX: ReadonlyMap<number, number> = new Map([
  [4, 5],
  [256, 8],
]);
/** The longest queue against none: what is within is the spread of rounds. */
const QUEUE_GROWTH_MAX = 1.25;
const LONG_QUEUE = 9_000;

export function reportOf(bench: CoreBench): CoreReport {
  const rows = bench.options.cases.map((of) => rowOf(bench, of));
  return { rows, checks: [...rows.flatMap((row) => sizeChecks(row)), ...queueChecks(bench)] };
}

function figuresOf({ runs }: CoreBench, of: Case, core: number): number[] {
  const same = runs.filter((run) => run.core === core && caseName(run.of) === caseName(of));
  return same.map(({ us_per_step }) => us_per_step);
}

function rowOf(bench: CoreBench, of: Case): CoreRow {
  const figures = bench.cores.map((_, core) => figuresOf(bench, of, core));
  const [own = [], other] = figures;
  return {
    of,
    us_per_step: figures.flatMap((values) => spreadOf(values) ?? []),
    gain: other ? ratioOfMedians(other, own, SEED) : null,
  };
}

function sizeChecks({ of, us_per_step }: CoreRow): Check[] {
  const target = US_PER_STEP_MAX.get(of.vms);
  const [own] = us_per_step;
  if (of.kind !== 'cycle' || target === undefined || !own) return [];
  const title = `CPU of a step, ${of.vms} VMs of ${REGIONS_PER_VM} regions`;
  const detail = `${own.n} rounds, ${shown(own.min)} to ${shown(own.max)}`;
  return [
    atMost(`core_step_${of.vms}`, title, { target, unit: 'us', measured: own.median, detail }),
  ];
}

function queueChecks(bench: CoreBench): Check[] {
  const at = (queued: number): Case | undefined =>
    bench.options.cases.find((one) => one.kind === 'queue' && one.queued === queued);
  const [none, long] = [at(0), at(LONG_QUEUE)];
  if (!none || !long) return [];
  const growth = ratioOfMedians(figuresOf(bench, long, 0), figuresOf(bench, none, 0), SEED);
  const title = `CPU of a step, ${LONG_QUEUE} queued to none`;
  return [
    atMost('core_queue_growth', title, {
      target: QUEUE_GROWTH_MAX,
      unit: 'times',
      measured: growth?.ratio ?? null,
      detail: growth ? intervalText(growth) : 'no rounds',
    }),
  ];
}

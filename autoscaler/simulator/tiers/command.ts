/** `hotplane simulate tiers`: shares of local memory, chosen in several ways, on one trace. */
import { jsonDocument } from '../../../base/json.ts';
import { formatMs } from '../../../base/units.ts';
import { chooseShare, paretoShares, sharePerInstance } from '../../../agent/model/tier-share.ts';
import { badSimulateOption } from '../errors.ts';
import { countedWorkload } from './accesses.ts';
import { playTiers, type ShareArm, type TierFigures, type TierRun } from './simulation.ts';
import { readCountedCalls, readLatencies } from './table-file.ts';
import { modelledWorkload, SHARES, type TierWorkload } from './workload.ts';

export interface SimulateTiersInput extends TierRun {
  /** A file of latencies; null: they are modelled. */
  readonly table: string | null;
  /** A file of counted accesses, or an archive with one; null: latencies are of stated ones. */
  readonly accesses: string | null;
  readonly penalty_ns: number;
  readonly slack: number;
  readonly json: boolean;
  readonly stdout: { write(text: string): unknown };
}

const ARMS: readonly ShareArm[] = [
  ...SHARES.map((share) => ({ kind: 'static', share }) as const),
  { kind: 'per-instance' },
  { kind: 'adaptive' },
];

/** Throws HP_SIMULATE_OPTION. */
export async function runSimulateTiers(input: SimulateTiersInput): Promise<void> {
  const { stdout, deviations } = input;
  const workload = await workloadOf(input);
  const runs = ARMS.map((arm) => playTiers(workload, arm, input));
  const choices = workload.classes.map((kind) => {
    const asked = { ...kind, deviations };
    return {
      function: kind.function,
      input: kind.input,
      slo_ms: kind.slo_ms,
      pareto: paretoShares(kind.table, asked),
      chosen: chooseShare(kind.table, asked),
      per_instance: sharePerInstance(kind.table, asked),
    };
  });
  const { source, note } = workload;
  const { span_s, keep_alive_s, seed } = input;
  const told = { simulated: true, latencies: source, note, span_s, keep_alive_s, seed };
  if (input.json) return void stdout.write(jsonDocument({ ...told, choices, runs }));
  const lines = [
    `simulated; latencies ${source}: ${note}`,
    `${span_s} s of calls, seed ${seed}; an SLO is about a call that found its instance`,
    '',
    'function/input          SLO  chosen  by one instance alone',
    ...choices.map(({ function: name, input: kind, slo_ms, chosen, per_instance }) => {
      const other = per_instance?.share === chosen?.share ? '' : ' (more local memory in all)';
      return (
        `${`${name}/${kind}`.padEnd(18)}${formatMs(slo_ms).padStart(9)}` +
        String(chosen?.share ?? 'none').padStart(8) +
        `${String(per_instance?.share ?? 'none').padStart(9)}${other}`
      );
    }),
    '',
    'shares          calls  violations  starts   local GiB s   of all local',
    ...runs.map((one) => runLine(one, runs)),
    '',
  ];
  stdout.write(lines.join('\n'));
}

function runLine(one: TierFigures, runs: readonly TierFigures[]): string {
  const whole = runs.find(({ arm }) => arm === 'all 1');
  const share = whole && whole.local_gib_s > 0 ? one.local_gib_s / whole.local_gib_s : null;
  const percent = share === null ? 'unknown' : `${(100 * share).toFixed(1)} %`;
  return (
    `${one.arm.padEnd(14)}${String(one.calls).padStart(7)}${String(one.violations).padStart(12)}` +
    `${String(one.starts).padStart(8)}${one.local_gib_s.toFixed(1).padStart(14)}` +
    percent.padStart(15)
  );
}

async function workloadOf(input: SimulateTiersInput): Promise<TierWorkload> {
  const { table, accesses, penalty_ns, slack } = input;
  if (table !== null && accesses !== null) {
    throw badSimulateOption('accesses', 'goes without --table: give one of both');
  }
  if (table !== null) {
    return await readLatencies(table, (problem) => badSimulateOption('table', problem));
  }
  if (accesses === null) return modelledWorkload(penalty_ns, slack);
  const counted = await readCountedCalls(accesses, (problem) =>
    badSimulateOption('accesses', problem),
  );
  return countedWorkload(counted, penalty_ns, slack);
}

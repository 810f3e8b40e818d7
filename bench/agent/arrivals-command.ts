/** `hotplane bench profile`, without the command line around it. */
import { jsonDocument } from '../../base/json.ts';
import { createProgress, type ProgressStream } from '../../base/progress.ts';
import { ARRIVAL_RATES, arrivalText, measureArrivals } from './arrivals.ts';
import { benchHost } from './run.ts';

export interface ArrivalBenchCommand {
  readonly rounds: number;
  readonly seconds: number;
  readonly seed: number;
  readonly json: boolean;
  readonly hotplane_version: string;
  readonly stdout: ProgressStream;
  readonly stderr: ProgressStream;
  readonly signal: AbortSignal;
}

/** Throws HP_BENCH_AGENT, HP_BENCH_INTERRUPTED. */
export async function runArrivalBench(input: ArrivalBenchCommand): Promise<void> {
  const { rounds, seconds, seed, json, hotplane_version, stdout, stderr, signal } = input;
  const started_at = new Date().toISOString();
  const progress = createProgress({ stream: stderr });
  const options = { rates: ARRIVAL_RATES, rounds, seconds, seed };
  const rows = await measureArrivals({ ...options, progress, signal });
  const about = { format: 'hotplane-bench-profile/1', hotplane_version, started_at };
  const where = { node_version: process.version, host: benchHost(), options };
  stdout.write(json ? jsonDocument({ ...about, ...where, rows }) : arrivalText(rows));
}

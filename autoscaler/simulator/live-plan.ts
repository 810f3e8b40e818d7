/** What a live run planned, and what its parts took, as a workload and costs of the simulator. */
import { median } from '../../base/statistics.ts';
import { MEMORY_BLOCK_BYTES, roundUp } from '../../base/units.ts';
import type { ResultData } from '../results/reader.ts';
import { InvocationColumns } from '../trace/columns.ts';
import { calibrated } from './calibrate.ts';
import { MECHANISM_MODELS, type MechanismModel } from './mechanism-models.ts';
import type { SimCosts, SimWorkload } from './workload.ts';

export interface LivePlan {
  readonly workload: SimWorkload;
  /** Of each function. */
  readonly keep_alive_ms: readonly number[];
  readonly boot_bytes: readonly number[];
}

/** The planned arrivals and durations, in the time of the run, which begins with its warm-up. */
export function planOfRun({ manifest, invocations }: ResultData): LivePlan {
  const { functions, window } = manifest;
  const warm_up_ms = window.warm_up?.ms ?? 0;
  const index_of = new Map(functions.map(({ name }, index) => [name, index]));
  const most = mostSent(manifest.mechanisms, invocations);
  const calls = invocations
    .filter(({ mechanism }) => mechanism === most)
    .map((line) => ({
      function_index: index_of.get(line.function) ?? 0,
      arrival_ms: line.planned_at_ms + warm_up_ms,
      duration_ms: line.planned_duration_ms,
    }));
  return {
    workload: {
      functions: functions.map(({ name, app, func, limit_bytes, concurrency }) => ({
        name,
        app,
        func,
        limit_bytes,
        region_bytes: roundUp(limit_bytes, MEMORY_BLOCK_BYTES),
        concurrency,
      })),
      invocations: InvocationColumns.from(calls),
      window_ms: window.window_ms + warm_up_ms,
    },
    keep_alive_ms: functions.map(({ keep_alive_ms }) => keep_alive_ms),
    boot_bytes: functions.map(({ boot_bytes }) => boot_bytes),
  };
}

/** The plan is the same for all; the mechanism that was sent most of it tells it. */
function mostSent(
  runs: ResultData['manifest']['mechanisms'],
  invocations: ResultData['invocations'],
): string {
  const counts = new Map(runs.map(({ name }) => [name, 0]));
  for (const { mechanism } of invocations) counts.set(mechanism, (counts.get(mechanism) ?? 0) + 1);
  return [...counts].reduce((most, one) => (one[1] > most[1] ? one : most), ['', -1])[0];
}

/** A start without a sandbox takes no time; only a folder without cold starts tells nothing. */
const USUAL_START_MS = 300;
const USUAL_STOP_MS = 10;

/** Medians of what a mechanism took. Throws HP_SIMULATE_CALIBRATION. */
export function costsOfRun(data: ResultData, mechanism: string, folder: string): SimCosts {
  const own = data.operations.filter((one) => one.mechanism === mechanism);
  const starts = data.invocations.flatMap((one) =>
    one.mechanism === mechanism && one.cold
      ? differenceOf(one.instance_ready_at_ms, one.received_at_ms)
      : [],
  );
  const stops = own.flatMap((one) =>
    one.kind === 'unplug' ? differenceOf(one.requested_at_ms, one.stop_at_ms) : [],
  );
  return {
    mechanism: modelOf(data, mechanism, folder),
    start_ms: median(starts) ?? USUAL_START_MS,
    stop_ms: median(stops) ?? USUAL_STOP_MS,
  };
}

function modelOf(data: ResultData, mechanism: string, folder: string): MechanismModel {
  const model = MECHANISM_MODELS.get(mechanism);
  return model && !model.gives_back ? model : calibrated(data, mechanism, folder);
}

function differenceOf(later_ms: number | null, earlier_ms: number | null): number[] {
  return later_ms === null || earlier_ms === null ? [] : [Math.max(0, later_ms - earlier_ms)];
}

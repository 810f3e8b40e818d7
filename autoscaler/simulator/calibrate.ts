/** A mechanism's model from a folder of results: what its operations took, as a line over sizes. */
import { MIB } from '../../base/units.ts';
import { median } from '../../base/statistics.ts';
import type { ResultData } from '../results/reader.ts';
import { calibrationMissing } from './errors.ts';
import type { Line, MechanismModel } from './mechanism-models.ts';

/** Throws `HP_SIMULATE_CALIBRATION` when the folder has no finished plug and unplug of it. */
export function calibrated(data: ResultData, name: string, folder: string): MechanismModel {
  const done = data.operations.filter((one) => one.mechanism === name && one.outcome === 'done');
  const plugs: Point[] = [];
  const unplugs: Point[] = [];
  for (const one of done) {
    const end_ms =
      one.kind === 'plug' ? one.plugged_at_ms : (one.resident_at_ms ?? one.plugged_at_ms);
    if (end_ms === null || one.requested_at_ms === null) continue;
    const mib = Math.abs(one.requested_bytes - one.before_bytes) / MIB;
    (one.kind === 'plug' ? plugs : unplugs).push({ mib, took_ms: end_ms - one.requested_at_ms });
  }
  const run = data.manifest.mechanisms.find((one) => one.name === name);
  if (plugs.length === 0 || unplugs.length === 0) throw calibrationMissing(folder, name);
  return {
    name,
    source: `measured: ${plugs.length} plugs and ${unplugs.length} unplugs of ${folder}, ${run?.accelerator}`,
    plug: lineThrough(plugs),
    unplug: lineThrough(unplugs),
    gives_back: true,
  };
}

interface Point {
  readonly mib: number;
  readonly took_ms: number;
}

/** Through the medians of each size, by least squares; of one size alone there is only a base. */
function lineThrough(points: readonly Point[]): Line {
  const by_size = Map.groupBy(points, ({ mib }) => mib);
  const medians = [...by_size].map(([mib, own]) => ({
    mib,
    took_ms: median(own.map((one) => one.took_ms)) ?? 0,
    n: own.length,
  }));
  const n = medians.reduce((sum, one) => sum + one.n, 0);
  const mean_mib = medians.reduce((sum, one) => sum + one.n * one.mib, 0) / n;
  const mean_ms = medians.reduce((sum, one) => sum + one.n * one.took_ms, 0) / n;
  const spread = medians.reduce((sum, one) => sum + one.n * (one.mib - mean_mib) ** 2, 0);
  const shared = medians.reduce(
    (sum, one) => sum + one.n * (one.mib - mean_mib) * (one.took_ms - mean_ms),
    0,
  );
  const ms_per_mib = spread > 0 ? Math.max(0, shared / spread) : 0;
  return { base_ms: Math.max(0, mean_ms - ms_per_mib * mean_mib), ms_per_mib };
}

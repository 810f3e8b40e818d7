/** A promise about memory as people write it: `10ms per 1GiB, p99`. Pure. */
import { type FunctionSpec, reclaimSloSchema } from '../../agent/model/spec.ts';
import { GIB, parseBytes } from '../../base/units.ts';

export const PROMISE =
  /^(\d+(?:\.\d+)?)(ms|s) per (\d+(?:\.\d+)?\s*[kmgtKMGT]i?[bB]?)(?:, ?p(\d+(?:\.\d+)?))?$/;
export const PROMISE_WANTED = "must be like '10ms per 1GiB, p99'";

/** Without a percentile it is the 99th. Null: it is no promise. */
export function parsePromise(given: string): FunctionSpec['reclaim_slo'] {
  const [, number = '', unit, amount = '', percentile = '99'] = PROMISE.exec(given) ?? [];
  const ms = Number(number) * (unit === 's' ? 1_000 : 1);
  const ms_per_gib = (ms * GIB) / (parseBytes(amount) ?? Number.NaN);
  const read = reclaimSloSchema.safeParse({ ms_per_gib, percentile: Number(percentile) });
  return read.success ? read.data : null;
}

/** What a neighbour may feel of memory that is given back beside it. Pure. */
import { atMost, type Check, intervalText, shown } from './check.ts';
import { percentileOf, ratioOf } from './statistics.ts';

/** A p99 of fewer requests than this is one of the largest values, not a percentile. */
const P99_SAMPLES_MIN = 100;
/** Of its p99 while nothing is given back. */
const P99_TIMES = 1.05;

const p99 = (values: readonly number[]): number | null => percentileOf(values, 0.99);

/** `busy_ms`: requests that met an unplug; `quiet_ms`: those it is compared with. */
export function neighbourCheck(
  name: string,
  title: string,
  samples: { readonly busy_ms: readonly number[]; readonly quiet_ms: readonly number[] },
  seed: number,
): Check {
  const { busy_ms, quiet_ms } = samples;
  const enough = busy_ms.length >= P99_SAMPLES_MIN && quiet_ms.length >= P99_SAMPLES_MIN;
  const ratio = enough ? ratioOf(p99, busy_ms, quiet_ms, seed) : null;
  return atMost(name, title, {
    unit: 'times',
    target: P99_TIMES,
    measured: ratio?.ratio ?? null,
    detail: ratio
      ? `${shown(p99(busy_ms))} ms / ${shown(p99(quiet_ms))} ms, ${intervalText(ratio)}`
      : tooFew(busy_ms.length, quiet_ms.length),
  });
}

const tooFew = (busy: number, quiet: number): string =>
  busy + quiet === 0 ? '' : `${busy} and ${quiet} requests; a p99 needs ${P99_SAMPLES_MIN}`;

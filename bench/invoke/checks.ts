/** What a burst of cold starts may cost. Pure. */
import { BASELINE, MECHANISMS } from '../../agent/model/mechanism.ts';
import { atMost, type Check, intervalText } from '../check.ts';
import type { Ratio } from '../statistics.ts';
import type { BurstSummary } from './summary.ts';

/** The first of a burst does not wait for the others: over a lone start. */
const FIRST_TIMES = 2;
/** Memory comes while the instances do: last of a burst over that of `static`. */
const LAST_TIMES = 1.5;
/** A partition costs a start nothing: median of `hotmem` over that of `virtio-mem`. */
const HOTMEM_TIMES = 1;

export function startChecks(bursts: readonly BurstSummary[]): Check[] {
  return bursts
    .filter(({ starts }) => starts > 1)
    .flatMap((burst) => {
      const { mechanism, starts } = burst;
      const what = `${mechanism}, ${starts} at once`;
      const name = `invoke-${mechanism}-${starts}`;
      return [
        held(`${name}-first`, `${what}: first told / lone`, FIRST_TIMES, burst.first_over_lone),
        ...(mechanism === BASELINE
          ? []
          : [
              held(
                `${name}-last`,
                `${what}: last told / static`,
                LAST_TIMES,
                burst.last_over_static,
              ),
            ]),
        ...(MECHANISMS.find(mechanism)?.partitions
          ? [
              held(
                `${name}-stock`,
                `${what}: median told / virtio-mem`,
                HOTMEM_TIMES,
                burst.median_over_stock,
              ),
            ]
          : []),
      ];
    });
}

function held(name: string, title: string, target: number, ratio: Ratio | null): Check {
  return atMost(name, title, {
    unit: 'times',
    target,
    measured: ratio?.ratio ?? null,
    detail: ratio ? intervalText(ratio) : '',
  });
}

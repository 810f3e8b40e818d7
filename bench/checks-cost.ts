/** The promises about what the feature must not cost. Pure. */
import { atMost, type Check } from './check.ts';
import { type BenchData, COST_METRICS } from './records.ts';
import { costs } from './select.ts';
import { median } from './statistics.ts';

/** Compiled in and off against the untouched kernel: equal within 2 %, either way. */
export function offChecks(data: BenchData): Check[] {
  return COST_METRICS.map((metric) => {
    const off = costs(data, { variant: 'off', metric, threads: 1 });
    const untouched = costs(data, { variant: 'untouched', metric, threads: 1 });
    const a = median(off);
    const b = median(untouched);
    return atMost(`off-${metric}`, `${metric}: feature off against the untouched kernel`, {
      unit: '% apart',
      target: 2,
      measured: a === null || b === null || b === 0 ? null : Math.abs(a / b - 1) * 100,
      detail:
        a === null || b === null
          ? ''
          : `${a} / ${b} instructions, n = ${off.length} and ${untouched.length}`,
    });
  });
}

/** Page faults of a process in a partition against one that is in none. */
export function attachedChecks(data: BenchData): Check[] {
  return [1, 4].map((threads) => {
    const attached = costs(data, { variant: 'attached', metric: 'fault', threads });
    const unattached = costs(data, { variant: 'unattached', metric: 'fault', threads });
    const a = median(attached);
    const b = median(unattached);
    const title = `page faults of ${threads} thread(s) at once, attached / unattached`;
    return atMost(`attached-fault-${threads}`, title, {
      unit: 'times',
      target: 1.05,
      measured: a === null || b === null || b === 0 ? null : a / b,
      detail:
        a === null || b === null
          ? ''
          : `${a} / ${b} ns, n = ${attached.length} and ${unattached.length}`,
    });
  });
}

/** What a profile run would send, without an agent. Pure. */
import { jsonDocument } from '../../base/json.ts';
import { printable } from '../../base/printable.ts';
import { planArrivals } from './arrivals.ts';
import { badWorkload } from './errors.ts';
import { PROFILE_LIMITS } from './limits.ts';
import type { Workload } from './workload.ts';

/** `seed` null: a run would draw one, so that only what is the same under any is told. */
export function renderProfileDryRun(
  workload: Workload,
  path: string,
  seed: number | null,
  json: boolean,
): string {
  const arrivals = planArrivals(workload, seed ?? 0);
  if (arrivals === null) {
    const problem = `there would be more than ${PROFILE_LIMITS.arrivals} arrivals`;
    throw badWorkload(path, 'instances', problem);
  }
  const instances = workload.instances.map(({ name, application, payload, arrivals: rule }) => {
    const own = arrivals.filter(({ instance }) => instance === name).map(({ at_ms }) => at_ms);
    const is_drawn = seed === null && rule.kind === 'drawn' && rule.distribution === 'Poisson';
    const drawn = rule.kind === 'drawn' ? rule.distribution : null;
    const times_ms = seed === null && rule.kind === 'drawn' ? null : own;
    const count = is_drawn ? null : own.length;
    return { name, application, distribution: drawn, arrivals: count, payload, times_ms };
  });
  const { test_name, duration_s, not_used } = workload;
  if (json) return jsonDocument({ test_name, duration_s, seed, instances, not_used });
  const rows = instances.map(({ name, application, distribution, arrivals: count, times_ms }) => {
    const [first, last] = [times_ms?.[0], times_ms?.at(-1)];
    const when = first === undefined ? '' : `, ${seconds(first)} to ${seconds(last ?? first)} s`;
    const how = distribution ?? 'listed';
    const many = `${count ?? 'as many as drawn'} arrivals, ${how}${when}`;
    return `  ${printable(name)}  calls ${printable(application)}: ${many}`;
  });
  const unused = not_used.map(({ key, why }) => `not used: ${printable(key)}: ${why}`);
  const head = `${printable(test_name)}: ${duration_s} s, seed ${seed ?? 'drawn by each run'}`;
  return `${[head, ...rows, ...unused, 'nothing was started and nothing written'].join('\n')}\n`;
}

const seconds = (at_ms: number): string => (at_ms / 1_000).toFixed(3);

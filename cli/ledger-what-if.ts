/** The calls of a ledger under other policies, by the simulator, with the times of the ledger. */
import type { Line } from '../autoscaler/simulator/mechanism-models.ts';
import { whatIfFigures, type WhatIfPolicy } from '../autoscaler/simulator/what-if.ts';
import type { LedgerCall, LedgerCalls } from '../ledger/calls.ts';
import type { PolicyOutcome } from '../ledger/policy-costs.ts';

/** As long for every size. */
const line = (ms: number | null): Line => ({ base_ms: ms ?? 0, ms_per_mib: 0 });

/** Pure. */
export function playCalls(calls: LedgerCalls, policies: readonly WhatIfPolicy[]): PolicyOutcome[] {
  const { functions, span, times } = calls;
  const costs = {
    mechanism: {
      name: 'recorded',
      source: 'medians of the ledger',
      plug: line(times.plug_ms),
      unplug: line(times.unplug_ms),
      gives_back: true,
    },
    start_ms: times.start_ms ?? 0,
    stop_ms: times.stop_ms ?? 0,
  };
  const by_function = functions.map((): LedgerCall[] => []);
  for (const call of calls.calls) by_function[call.function_index]?.push(call);
  return functions.flatMap(({ host, function: name, region_bytes, regions }, index) => {
    const one = { name, region_bytes, concurrency: regions.size, calls: by_function[index] ?? [] };
    return policies.map((policy) => {
      const figures = whatIfFigures(one, policy, costs, span.to_ms - span.from_ms);
      return { host, function: name, policy: policy.name, ...figures };
    });
  });
}

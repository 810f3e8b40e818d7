/**
 * What policies would have made of calls that are known: each function by itself, on a host that
 * has memory for all of them. Pure.
 */
import { LIMITS } from '../../base/limits.ts';
import { MEMORY_BLOCK_BYTES, roundUp } from '../../base/units.ts';
import { ColumnsBuilder } from '../trace/columns.ts';
import { playFast } from './fast-engine.ts';
import { figuresOfRun } from './run-figures.ts';
import { isTimed, type PolicyChoice, SIMULATED_POLICIES, NEEDS_LIMIT } from './simulation.ts';
import { needsReference, tableOf } from './simulation.ts';
import { constantTable } from './table-policies.ts';
import type { SimCosts, SimFunction, SimWorkload } from './workload.ts';

/** A policy to ask about; `grow-only`: what is plugged once is never given back. */
export type WhatIfPolicy =
  | { readonly name: 'grow-only' }
  | ({ readonly name: string } & PolicyChoice);

const GROW_ONLY = 'grow-only';

/** Names that can be asked about; those that go by a keep-alive take `:SECONDS`. */
export const WHAT_IF_POLICIES: readonly string[] = [
  GROW_ONLY,
  ...SIMULATED_POLICIES.filter((policy) => !NEEDS_LIMIT.has(policy)).filter(
    (policy) => !needsReference({ policy, keep_alive_ms: 0 }),
  ),
];

/** Null: there is no such policy, or its keep-alive is no number of seconds. */
export function whatIfPolicy(text: string): WhatIfPolicy | null {
  const [, name = '', seconds] = /^([a-z-]+)(?::(\d+(?:\.\d+)?))?$/.exec(text.trim()) ?? [];
  if (name === GROW_ONLY) return seconds === undefined ? { name } : null;
  const policy = SIMULATED_POLICIES.find((one) => one === name);
  if (!policy || !WHAT_IF_POLICIES.includes(policy)) return null;
  if (isTimed(policy) !== (seconds !== undefined)) return null;
  const keep_alive_ms = Number(seconds ?? 0) * 1_000;
  return keep_alive_ms > LIMITS.invocation_ms ? null : { name: text.trim(), policy, keep_alive_ms };
}

export interface WhatIfFunction {
  readonly name: string;
  readonly region_bytes: number;
  readonly concurrency: number;
  /** In order of arrival, from the beginning of the time. */
  readonly calls: readonly { readonly arrival_ms: number; readonly duration_ms: number }[];
}

export interface WhatIfFigures {
  readonly gib_s: number;
  readonly starts: number;
  /** Calls that waited for a start. */
  readonly cold: number;
}

/** One function under one policy, for `window_ms`. */
export function whatIfFigures(
  one: WhatIfFunction,
  policy: WhatIfPolicy,
  costs: SimCosts,
  window_ms: number,
): WhatIfFigures {
  const workload = workloadOf(one, window_ms);
  const table =
    'policy' in policy
      ? tableOf(policy, workload)
      : constantTable(policy.name, 1, Number.POSITIVE_INFINITY);
  const played = playFast(workload, costs, table);
  const about = { name: policy.name, policy: policy.name, mechanism: costs.mechanism.name };
  const { committed_gib_s, instance_starts, cold } = figuresOfRun(workload, played, about);
  return { gib_s: committed_gib_s, starts: instance_starts, cold };
}

function workloadOf({ name, calls, ...one }: WhatIfFunction, window_ms: number): SimWorkload {
  const builder = new ColumnsBuilder();
  for (const { arrival_ms, duration_ms } of calls) builder.add(0, arrival_ms, duration_ms);
  const fn: SimFunction = {
    name,
    app: name,
    func: name,
    limit_bytes: one.region_bytes,
    region_bytes: roundUp(one.region_bytes, MEMORY_BLOCK_BYTES),
    concurrency: Math.max(1, one.concurrency),
  };
  return { functions: [fn], invocations: builder.inOrder(), window_ms: Math.max(1, window_ms) };
}

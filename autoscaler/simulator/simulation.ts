/** From a workload to the figures of every policy that was named, and what others would cost. */
import { setImmediate as turn } from 'node:timers/promises';
import { GIB, MIB } from '../../base/units.ts';
import type { Policy } from '../../agent/core/policy.ts';
import { DEFAULT_POOL, type PoolSpec } from '../../agent/model/pool-spec.ts';
import { FIXED_KEEP_ALIVE_POLICY } from '../policy/fixed-keep-alive.ts';
import { BATCHED_POLICY } from '../policy/batched.ts';
import { GREEDY_DUAL_POLICY, LEAST_RECENTLY_USED_POLICY } from '../policy/greedy-dual.ts';
import { HYBRID_HISTOGRAM_POLICY } from '../policy/hybrid-histogram-policy.ts';
import { KNATIVE_POLICY } from '../policy/knative.ts';
import { OLDEST_FIRST_POLICY } from '../policy/oldest-first.ts';
import { DEGRADED_WINDOW_POLICY } from '../policy/degraded-window.ts';
import { PLUGGED_RESERVE_POLICY } from '../policy/plugged-reserve.ts';
import { POOL_POLICY } from '../policy/pool.ts';
import { SLIDING_WINDOW_POLICY } from '../policy/sliding-window.ts';
import type { RunFigures, Simulation } from '../results/simulation.ts';
import type { HotplaneError } from '../../base/errors.ts';
import { badSimulateOption, simulateInterrupted } from './errors.ts';
import { playFast } from './fast-engine.ts';
import { type HostModel, WIDE_HOST } from './host-model.ts';
import { playHosts } from './hosts.ts';
import { MECHANISM_MODELS } from './mechanism-models.ts';
import { playReference } from './reference-engine.ts';
import { figuresOfRun, gibSecondsOfBytes, gibSecondsOfParts } from './run-figures.ts';
import { pricedTable } from './priced-rests.ts';
import { batchedTable, constantTable, hybridTable, knativeTable } from './table-policies.ts';
import { oldestFirstTable, slidingTable, type TablePolicy } from './table-policies.ts';
import type { SimCosts, SimWorkload } from './workload.ts';

/** Policies that can be simulated, by name. */
export const SIMULATED_POLICIES = [
  'fixed-keep-alive',
  'hybrid-histogram',
  'sliding-window',
  'degraded-window',
  'oldest-first',
  'knative',
  'batched',
  'plugged-reserve',
  'pool',
  'greedy-dual',
  'least-recently-used',
] as const;
type SimulatedPolicy = (typeof SIMULATED_POLICIES)[number];
/** The same, as the agent's core asks them; the reference engine plays these. */
const OF_THE_CORE: Readonly<Record<SimulatedPolicy, Policy>> = {
  'fixed-keep-alive': FIXED_KEEP_ALIVE_POLICY,
  'hybrid-histogram': HYBRID_HISTOGRAM_POLICY,
  'sliding-window': SLIDING_WINDOW_POLICY,
  'degraded-window': DEGRADED_WINDOW_POLICY,
  'oldest-first': OLDEST_FIRST_POLICY,
  knative: KNATIVE_POLICY,
  batched: BATCHED_POLICY,
  'plugged-reserve': PLUGGED_RESERVE_POLICY,
  pool: POOL_POLICY,
  'greedy-dual': GREEDY_DUAL_POLICY,
  'least-recently-used': LEAST_RECENTLY_USED_POLICY,
};
/** By which the policy goes: a keep-alive that is chosen. */
const TIMED: ReadonlySet<SimulatedPolicy> = new Set([
  'fixed-keep-alive',
  'oldest-first',
  'batched',
  'plugged-reserve',
]);

/** Under these nothing ends but for want of memory. */
export const NEEDS_LIMIT: ReadonlySet<string> = new Set(['greedy-dual', 'least-recently-used']);
/** No engine of columns has them. */
const REFERENCE_ONLY: ReadonlySet<SimulatedPolicy> = new Set([
  'plugged-reserve',
  'degraded-window',
]);

/** Whether only the agent's own core can play it. */
export function needsReference({ policy, own, pool = DEFAULT_POOL }: PolicyChoice): boolean {
  // By a price it makes nothing ready ahead of calls.
  if (policy === 'pool') return own !== undefined || pool.worth_gib_s === null;
  return own !== undefined || REFERENCE_ONLY.has(policy);
}

export interface PolicyChoice {
  readonly policy: SimulatedPolicy;
  /** For those of which {@link isTimed} says so. */
  readonly keep_alive_ms: number;
  /** Of `pool` alone; absent: as it is by default. */
  readonly pool?: PoolSpec;
  /** Of somebody's own, which is played; `policy` then says what it is nearest to. */
  readonly own?: Policy;
}

export interface SimulationPlan {
  readonly workload: SimWorkload;
  readonly costs: SimCosts;
  readonly host: HostModel;
  readonly choices: readonly PolicyChoice[];
  readonly engine: 'fast' | 'reference';
  /** Each with the memory of `host`; absent: one. */
  readonly hosts?: number;
}

/** A guest kernel, its init and the VMM: what a microVM takes besides its instance. */
const VM_BYTES = 160 * MIB;

/** Throws `HP_SIMULATE_*`. */
export async function simulate(
  plan: SimulationPlan,
  signal: AbortSignal,
): Promise<Pick<Simulation, 'runs' | 'baselines'>> {
  const runs: RunFigures[] = [];
  let first: IdealRun | null = null;
  for (const choice of plan.choices) {
    await turn();
    if (signal.aborted) throw simulateInterrupted();
    const ideal = idealOf(plan, choice);
    if (runs.length === 0) first = ideal;
    const ideal_gib_s = ideal?.committed_gib_s;
    runs.push({ ...runOne(plan, choice), ...(ideal_gib_s !== undefined && { ideal_gib_s }) });
  }
  return { runs, baselines: runs.length > 0 ? baselinesOf(plan, first) : [] };
}

/** As reports name it. */
export function nameOfChoice({ policy, keep_alive_ms, own, pool }: PolicyChoice): string {
  if (own) return `${own.name} ${keep_alive_ms / 1000} s`;
  if (policy === 'pool') return poolName(pool);
  return isTimed(policy) ? `${policy} ${keep_alive_ms / 1000} s` : policy;
}

function poolName(pool: PoolSpec = DEFAULT_POOL): string {
  const { bucket_ms, active_buckets, degraded_buckets, percentile, worth_gib_s } = pool;
  if (worth_gib_s !== null) return `pool ${worth_gib_s} GiB·s${windowText(pool)}`;
  return `pool ${bucket_ms / 1000} s ${active_buckets}+${degraded_buckets} p${percentile}`;
}

/** For how long at most anything is kept, where that is not as usual. */
function windowText({ bucket_ms, active_buckets }: PoolSpec): string {
  const most_ms = bucket_ms * active_buckets;
  const is_usual = most_ms === DEFAULT_POOL.bucket_ms * DEFAULT_POOL.active_buckets;
  return is_usual ? '' : ` ${most_ms / 1000} s`;
}

/** Whether it goes by a keep-alive that is chosen. */
export function isTimed(policy: SimulatedPolicy): boolean {
  return TIMED.has(policy);
}

/** The figures of one policy. Throws HP_SIMULATE_OPTION. */
export function runOne(
  { workload, costs, host, engine, hosts = 1 }: SimulationPlan,
  choice: PolicyChoice,
): RunFigures {
  const about = {
    name: `${nameOfChoice(choice)}, ${costs.mechanism.name}`,
    policy: nameOfChoice(choice),
    mechanism: costs.mechanism.name,
  };
  const { limit_bytes, when_short } = hostFor(choice, host);
  if (engine === 'fast') {
    const played = playHosts(workload, hosts, (part) => {
      const table = tableOf(choice, part);
      return playFast(part, costs, table, hostFor(choice, host));
    });
    return figuresOfRun(workload, played, about);
  }
  const policy = choice.own ?? OF_THE_CORE[choice.policy];
  const { keep_alive_ms, pool = DEFAULT_POOL } = choice;
  const options = { policy, keep_alive_ms, pool, limit_bytes, when_short };
  const played = playHosts(workload, hosts, (part) => playReference(part, costs, options));
  return figuresOfRun(workload, played, about);
}

/** Where only who lacks memory makes others go, a start waits for that. */
export function hostFor({ policy }: PolicyChoice, host: HostModel): HostModel {
  return NEEDS_LIMIT.has(policy) ? { ...host, when_short: 'wait' } : host;
}

/** The policy in columns; one table plays one run. Throws HP_SIMULATE_OPTION. */
export function tableOf(
  choice: PolicyChoice,
  workload: Pick<SimWorkload, 'functions' | 'window_ms'>,
): TablePolicy {
  if (needsReference(choice)) throw playsNot(choice);
  const { policy, keep_alive_ms, pool = DEFAULT_POOL } = choice;
  const functions = workload.functions.length;
  switch (policy) {
    case 'fixed-keep-alive':
      return constantTable(policy, functions, keep_alive_ms);
    case 'hybrid-histogram':
      return hybridTable(functions);
    case 'sliding-window':
      return slidingTable(functions);
    case 'oldest-first':
      return oldestFirstTable(functions, keep_alive_ms);
    case 'knative':
      return knativeTable(functions);
    case 'batched':
      return batchedTable(functions, keep_alive_ms);
    case 'pool':
      return pricedTable(workload, pool);
    case 'greedy-dual':
      return constantTable(policy, functions, Number.POSITIVE_INFINITY, 'greedy-dual');
    default:
      return constantTable(policy, functions, Number.POSITIVE_INFINITY, 'oldest');
  }
}

/** The fast engine does not. */
export function playsNot(choice: PolicyChoice): HotplaneError {
  const by_price = choice.policy === 'pool' ? ', and fast a pool by a price (--pool-worth)' : '';
  const name = nameOfChoice(choice);
  return badSimulateOption('engine', `fast does not play ${name}; reference does${by_price}`);
}

/** What memory that moves in no time makes of a policy that differs in what is plugged alone. */
const FALLBACK: SimulatedPolicy = 'fixed-keep-alive';

function inColumns(choice: PolicyChoice): PolicyChoice {
  const { keep_alive_ms } = choice;
  return needsReference(choice) ? { policy: FALLBACK, keep_alive_ms } : choice;
}

/** What a policy comes to where memory moves in no time. */
interface IdealRun {
  readonly committed_gib_s: number;
  readonly peak_committed_bytes: number;
  readonly busy_gib_s: number;
  readonly peak_instances: Int32Array;
}

function playIdeal(
  { workload, costs }: SimulationPlan,
  choice: PolicyChoice,
  { host, hosts }: { readonly host: HostModel; readonly hosts: number },
): IdealRun | null {
  const mechanism = MECHANISM_MODELS.get('ideal');
  if (!mechanism) return null;
  const like = inColumns(choice);
  const { committed, busy_byte_ms, peak_instances } = playHosts(workload, hosts, (part) =>
    playFast(part, { ...costs, mechanism, stop_ms: 0 }, tableOf(like, part), hostFor(like, host)),
  );
  return {
    committed_gib_s: gibSecondsOfParts(committed.finish()),
    peak_committed_bytes: committed.peak_bytes,
    busy_gib_s: gibSecondsOfBytes(busy_byte_ms),
    peak_instances: peak_instances ?? new Int32Array(0),
  };
}

/** On the hosts of the plan; null: only the reference plays it. */
function idealOf(plan: SimulationPlan, choice: PolicyChoice): IdealRun | null {
  const { host, hosts = 1 } = plan;
  return choice.own ? null : playIdeal(plan, choice, { host, hosts });
}

/** Whether the hosts of a plan are one that has memory for everything. */
const isWide = ({ host, hosts = 1 }: SimulationPlan): boolean =>
  hosts === 1 && host.limit_bytes === WIDE_HOST.limit_bytes;

/**
 * Against what a saving can be told; all of the first policy, on a host without a limit. `ideal`:
 * its run on the hosts of the plan.
 */
function baselinesOf(plan: SimulationPlan, ideal: IdealRun | null): Simulation['baselines'] {
  const { workload, choices } = plan;
  const [first] = choices;
  if (!first) return [];
  const wide = { host: WIDE_HOST, hosts: 1 };
  const figures = ideal && isWide(plan) ? ideal : playIdeal(plan, first, wide);
  if (!figures) return [];
  const window_s = workload.window_ms / 1000;
  const { busy_gib_s, committed_gib_s: with_keep_alive, peak_instances } = figures;
  const bytes = workload.functions.reduce(
    (sum, one, index) => sum + one.region_bytes * (peak_instances[index] ?? 0),
    0,
  );
  const own_vms = (VM_BYTES / GIB) * instanceSeconds(workload, figures);
  return [
    {
      name: 'static',
      about: 'every function has its N x limit from beginning to end',
      gib_s: (bytes / GIB) * window_s,
    },
    {
      name: 'flat-cap',
      about: 'the peak of what is committed, from beginning to end',
      gib_s: (figures.peak_committed_bytes / GIB) * window_s,
    },
    {
      name: 'one-vm-an-instance',
      about: `each instance with ${VM_BYTES / MIB} MiB of a microVM of its own`,
      gib_s: with_keep_alive + own_vms,
    },
    {
      name: 'ideal',
      about: 'the same policy, memory moves in no time',
      gib_s: with_keep_alive,
    },
    { name: 'oracle', about: 'memory of what runs, and of nothing else', gib_s: busy_gib_s },
  ];
}

/** How long instances were there together, with the mean size of the regions that ran. */
function instanceSeconds(
  { functions, invocations }: SimWorkload,
  figures: Pick<IdealRun, 'committed_gib_s'>,
): number {
  let [busy_s, busy_gib_s] = [0, 0];
  for (let at = 0; at < invocations.length; at += 1) {
    const took_s = (invocations.duration_ms[at] ?? 0) / 1000;
    const region = functions[invocations.function_index[at] ?? 0]?.region_bytes ?? 0;
    busy_s += took_s;
    busy_gib_s += (took_s * region) / GIB;
  }
  return busy_gib_s > 0 ? (figures.committed_gib_s * busy_s) / busy_gib_s : 0;
}

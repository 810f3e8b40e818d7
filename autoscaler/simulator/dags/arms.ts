/** Ways to serve calls of DAGs that are held against each other: each idea alone, and all. Pure. */
import type { Policy } from '../../../agent/core/policy.ts';
import { DEFAULT_QUEUE, NO_QUEUE, type QueueConfig } from '../../../agent/model/operation-queue.ts';
import { DEFAULT_POOL, type PoolSpec } from '../../../agent/model/pool-spec.ts';
import { FIXED_KEEP_ALIVE_POLICY } from '../../policy/fixed-keep-alive.ts';
import { POOL_POLICY } from '../../policy/pool.ts';

export interface DagArm {
  readonly name: string;
  readonly policy: Policy;
  /** Of every function, for policies that go by it. */
  readonly keep_alive_ms: number;
  /** Of every function; null: it has none. */
  readonly pool: PoolSpec | null;
  readonly queue: QueueConfig;
  /** Calls of later stages are foreseen when the DAG is called. */
  readonly foresees: boolean;
  /** Stages have a deadline of their own, and the least slack goes first. */
  readonly by_deadline: boolean;
  /** For so long after a call instances stand ready for the next; 0: none do. */
  readonly ready_ms: number;
}

const SLACK = { queue: DEFAULT_QUEUE, by_deadline: true };

/**
 * What is compared; the last is what the agent does. `ready_ms`: of its DAGs; who keeps all idle
 * instances for as long has the same time, and no plan.
 */
export function dagArms(keep_alive_ms: number, ready_ms: number): readonly DagArm[] {
  const reactive: DagArm = {
    name: 'first come first served, reactive',
    policy: FIXED_KEEP_ALIVE_POLICY,
    keep_alive_ms,
    pool: null,
    queue: NO_QUEUE,
    foresees: false,
    by_deadline: false,
    ready_ms: 0,
  };
  return [
    reactive,
    { ...reactive, keep_alive_ms: ready_ms, name: 'the same, all kept as long' },
    { ...reactive, policy: POOL_POLICY, pool: DEFAULT_POOL, name: 'the same, with a pool' },
    { ...reactive, ...SLACK, name: 'least slack first' },
    { ...reactive, foresees: true, name: 'stages foreseen' },
    { ...reactive, ...SLACK, foresees: true, ready_ms, name: 'all, and standing ready' },
  ];
}

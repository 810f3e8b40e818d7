/** DAGs of any shape, with how long their functions run. */
import fc from 'fast-check';
import type { DagSpec } from '../../../agent/model/dag.ts';

const NAMES = ['a', 'b', 'c', 'd', 'e', 'f'];

export interface TimedDag {
  readonly dag: DagSpec;
  /** By function. */
  readonly exec_ms: ReadonlyMap<string, number>;
}

/** Edges go from a name to a later one alone; stages stand in any order. */
export const anyDag: fc.Arbitrary<TimedDag> = fc
  .record({
    count: fc.integer({ min: 1, max: NAMES.length }),
    bits: fc.array(fc.boolean(), { minLength: 36, maxLength: 36 }),
    times: fc.array(fc.nat(50), { minLength: NAMES.length, maxLength: NAMES.length }),
    is_turned: fc.boolean(),
  })
  .map(({ count, bits, times, is_turned }) => {
    const names = NAMES.slice(0, count);
    const edges = names.flatMap((from, a) =>
      names.flatMap((to, b) => (b > a && bits[a * NAMES.length + b] ? [{ from, to }] : [])),
    );
    const stages = names.map((name) => ({ name, function: `f-${name}`, payload_json: null }));
    const exec_ms = new Map(names.map((name, index) => [`f-${name}`, times[index] ?? 0]));
    const dag = { name: 'd', ready_ms: null, deadline_ms: 100, stages, edges };
    return { dag: is_turned ? { ...dag, stages: stages.toReversed() } : dag, exec_ms };
  });

/** DAGs: what is taken for one has an order, and a cycle that is told is one. */
import test from 'ava';
import fc from 'fast-check';
import { afterStage, beforeStage, dagTrouble, stageOrder } from '../../../agent/model/dag.ts';
import { holds } from '../../seed.ts';

const NAMES = ['a', 'b', 'c', 'd', 'e', 'f'];
const edge = fc.record({ from: fc.constantFrom(...NAMES), to: fc.constantFrom(...NAMES) });
const graph = fc
  .uniqueArray(edge, { selector: ({ from, to }) => `${from} ${to}`, maxLength: 14 })
  .map((edges) => ({
    name: 'd',
    deadline_ms: 1,
    stages: NAMES.map((name) => ({ name, function: 'f', payload_json: null })),
    edges: edges.filter(({ from, to }) => from !== to),
  }));

/** By a walk that has nothing of the code under test. */
function reaches(edges: readonly { from: string; to: string }[], from: string, to: string) {
  const seen = new Set<string>();
  const left = [from];
  for (let at = left.pop(); at !== undefined; at = left.pop()) {
    for (const next of edges.filter((one) => one.from === at)) {
      if (next.to === to) return true;
      if (!seen.has(next.to)) left.push(next.to);
      seen.add(next.to);
    }
  }
  return false;
}

test('without a cycle there is an order, and with one it is told, edge by edge', async (t) => {
  const property = fc.property(graph, (dag) => {
    const trouble = dagTrouble(dag);
    const has_cycle = NAMES.some((name) => reaches(dag.edges, name, name));
    if (!has_cycle) {
      const order = stageOrder(dag);
      const place = (name: string): number => order.indexOf(name);
      const follows = dag.edges.every(({ from, to }) => place(from) < place(to));
      return trouble === null && order.length === NAMES.length && follows;
    }
    const told = trouble?.problem.replace('they make a cycle: ', '').split(' -> ') ?? [];
    const [first] = told;
    const is_real = told
      .slice(1)
      .every((to, index) => dag.edges.some((one) => one.from === told[index] && one.to === to));
    return told.length > 2 && told.at(-1) === first && is_real;
  });
  await holds(t, property);
  t.pass();
});

test('who is before and after a stage follows from the edges, in the order of the stages', (t) => {
  const stages = ['a', 'b', 'c'].map((name) => ({ name, function: 'f', payload_json: null }));
  const edges = [
    { from: 'b', to: 'c' },
    { from: 'a', to: 'c' },
  ];
  const dag = { name: 'd', deadline_ms: 1, stages, edges, ready_ms: null };
  t.deepEqual(beforeStage(dag, 'c'), ['a', 'b']);
  t.deepEqual(afterStage(dag, 'a'), ['c']);
  t.deepEqual(beforeStage(dag, 'a'), []);
});

/** What is foreseen of a DAG: begins, ends and the longest way, held against every way there is. */
import test from 'ava';
import fc from 'fast-check';
import { planDag } from '../../../agent/dag/plan.ts';
import type { DagSpec } from '../../../agent/model/dag.ts';
import { holds } from '../../seed.ts';
import { anyDag, type TimedDag } from './any-dag.ts';

/** Every way through a DAG, found by walking. */
function ways({ edges, stages }: DagSpec): string[][] {
  const from = (name: string): string[][] => {
    const next = edges.filter((edge) => edge.from === name);
    return next.length === 0
      ? [[name]]
      : next.flatMap(({ to }) => from(to).map((w) => [name, ...w]));
  };
  const first = stages.filter(({ name }) => !edges.some(({ to }) => to === name));
  return first.flatMap(({ name }) => from(name));
}

test('begin, rest and path are those of the longest way', async (t) => {
  const property = fc.property(anyDag, ({ dag, exec_ms }: TimedDag) => {
    const plan = planDag(dag, (name) => exec_ms.get(name) ?? null);
    const msOf = (name: string): number => exec_ms.get(`f-${name}`) ?? 0;
    const sum = (names: readonly string[]): number => names.reduce((ms, one) => ms + msOf(one), 0);
    const all = ways(dag);
    const longest = (parts: readonly (readonly string[])[]): number => Math.max(...parts.map(sum));
    if (plan.path_ms !== longest(all)) return false;
    return [...plan.stages.values()].every(({ name, begin_ms, rest_ms }) => {
      const through = all.filter((way) => way.includes(name));
      const before = longest(through.map((way) => way.slice(0, way.indexOf(name))));
      const after = longest(through.map((way) => way.slice(way.indexOf(name) + 1)));
      return begin_ms === before && rest_ms === after;
    });
  });
  await holds(t, property);
  t.pass();
});

test('a function of which nothing is known takes no time', (t) => {
  const stages = ['a', 'b'].map((name) => ({ name, function: name, payload_json: null }));
  const dag = {
    name: 'd',
    ready_ms: null,
    deadline_ms: 10,
    stages,
    edges: [{ from: 'a', to: 'b' }],
  };
  const plan = planDag(dag, (name) => (name === 'a' ? null : 5));
  t.is(plan.path_ms, 5);
  t.like(plan.stages.get('a'), { begin_ms: 0, rest_ms: 5, after: ['b'] });
});

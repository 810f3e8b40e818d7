/** What stands ready for the next calls of a DAG: for which stages, how many, and for how long. */
import test from 'ava';
import fc from 'fast-check';
import { foreseeStages, foreseenId, NO_PLACE, placeId } from '../../../agent/dag/foresee.ts';
import { type DagPlan, planDag } from '../../../agent/dag/plan.ts';
import {
  callBegun,
  callEnded,
  type Depth,
  nextPlace,
  NO_DEPTH,
  standReady,
  stagesToKeep,
} from '../../../agent/dag/ready.ts';
import { StandingPlaces } from '../../../agent/dag/standing.ts';
import { beginRun } from '../../../agent/dag/run.ts';
import type { DagSpec } from '../../../agent/model/dag.ts';
import type { HostEvent } from '../../../agent/model/events.ts';
import { holds } from '../../seed.ts';
import { anyDag } from './any-dag.ts';

/** a takes 100 ms, then b 100 ms, then c 100 ms. */
const CHAIN: DagSpec = {
  name: 'd',
  deadline_ms: 450,
  stages: ['a', 'b', 'c'].map((name) => ({ name, function: `f-${name}`, payload_json: null })),
  edges: [
    { from: 'a', to: 'b' },
    { from: 'b', to: 'c' },
  ],
  ready_ms: null,
};
const HOUR_MS = 3_600_000;

const kept = (dag: DagSpec, ready_ms: number | null): string[] =>
  stagesToKeep(
    planDag(dag, () => 100),
    () => ready_ms,
  ).map(({ name }) => name);

for (const [ready_ms, stages, why] of [
  [100, [], 'three quarters of the 150 ms that the deadline has left'],
  [150, ['a'], 'the rest is for runs that take longer than their mean'],
  [200, ['a'], 'b begins 100 ms later'],
  [225, ['a', 'b'], 'its start is over 125 ms late'],
  [1_000, ['a', 'b', 'c'], 'none would be in time'],
  [null, ['a', 'b', 'c'], 'nobody knows'],
] as const) {
  test(`a start of ${ready_ms ?? '?'} ms: ${stages.join() || 'nothing'} stands ready: ${why}`, (t) => {
    t.deepEqual(kept(CHAIN, ready_ms), stages);
  });
}

const after = (depth: Depth, calls: string): Depth =>
  calls.split('').reduce((now, one) => (one === '(' ? callBegun(now) : callEnded(now)), depth);

const place = (calls: string): number | null => nextPlace(after(NO_DEPTH, calls));

test('as many stand ready as ever were called at a time, less those that go on', (t) => {
  t.is(place(''), 0, 'one, for a DAG that was never called');
  t.is(place('('), null, 'and the second of its first burst finds none');
  t.is(place('()'), 0);
  t.is(place('(()'), 1, 'two at a time: one goes on, one is ready');
  t.is(place('(())('), 1, 'also in the next burst');
  t.is(place('((()))(('), 2);
});

test('a burst that was never seen again is forgotten in the end', (t) => {
  let depth = after(NO_DEPTH, '((((((((((()))))))))))');
  t.is(nextPlace(after(depth, '((((((((((')), 10);
  for (let call = 0; call < 600; call += 1) depth = after(depth, '()');
  t.is(nextPlace(after(depth, '(')), null);
});

const idsOf = (events: readonly HostEvent[], what: 'calls' | 'dropped'): string[] =>
  events.flatMap((event) => {
    if (event.type !== 'expect') throw new Error('nothing else is told');
    return what === 'calls' ? event.calls.map(({ id }) => id) : [...event.dropped];
  });

test('ready: 0 is none, absent four hours, and else what it says; what need not any more goes', (t) => {
  const places = new StandingPlaces();
  const of = (ready_ms: number | null, deadline_ms = 450): (readonly [string, number])[] => {
    const told = places.stand({ ...CHAIN, deadline_ms, ready_ms }, new Map(), 1_000);
    return told.flatMap((event) =>
      event.type !== 'expect'
        ? []
        : [
            ...event.calls.map(({ id, until_ms }) => [id, until_ms - 1_000] as const),
            ...event.dropped.map((id) => [id, 0] as const),
          ],
    );
  };
  const ids = ['a', 'b', 'c'].map((stage) => `d/ready0/${stage}`);
  t.deepEqual(of(0), []);
  t.deepEqual(
    of(HOUR_MS),
    ids.map((id) => [id, HOUR_MS] as const),
  );
  t.deepEqual(
    of(null),
    ids.map((id) => [id, 4 * HOUR_MS] as const),
  );
  t.deepEqual(
    of(0),
    ids.map((id) => [id, 0] as const),
    'dropped',
  );
  t.deepEqual(of(0), [], 'once');
});

test('what stood ready for long enough is for no call any more, and each place is for one', (t) => {
  const places = new StandingPlaces();
  places.stand({ ...CHAIN, ready_ms: 1_000 }, new Map(), 0);
  t.is(places.begin('d', 999).place, 0);
  t.is(places.begin('d', 999).place, null, 'one stood there');
  t.is(places.running('d'), 2);
  const late = new StandingPlaces();
  late.stand({ ...CHAIN, ready_ms: 1_000 }, new Map(), 0);
  t.deepEqual(late.begin('d', 1_000), NO_PLACE);
  t.deepEqual(late.begin('unknown', 0), NO_PLACE);
});

test('a call takes what stood ready: its own name is in the place of that, in one word', (t) => {
  const plan = planDag(CHAIN, () => 100);
  const stages = [...plan.stages.values()].slice(0, 2);
  const told = foreseeStages(beginRun(plan, 5), 'call', { stages, place: 3 });
  t.deepEqual(told, [
    {
      type: 'expect',
      function: 'f-b',
      calls: [{ id: 'call/b', at_ms: 105, until_ms: 5 + 3 * 450 }],
      dropped: ['d/ready3/b'],
    },
    {
      type: 'expect',
      function: 'f-c',
      calls: [{ id: 'call/c', at_ms: 205, until_ms: 5 + 3 * 450 }],
      dropped: [],
    },
    {
      type: 'expect',
      function: 'f-a',
      calls: [{ id: 'call/a', at_ms: 5, until_ms: 5 + 3 * 450 }],
      dropped: ['d/ready3/a'],
    },
  ]);
  const alone = foreseeStages(beginRun(plan, 5), 'call', { stages, place: null });
  t.deepEqual(
    idsOf(alone, 'calls'),
    ['call/b', 'call/c'],
    'with none left the first is not foreseen',
  );
  t.deepEqual(idsOf(alone, 'dropped'), []);
});

/** Names that stand after calls begin and end as `moves` say; every stage stands ready. */
function playPlaces(
  plan: DagPlan,
  moves: readonly boolean[],
): { standing: Set<string>; depth: Depth } {
  const stages = [...plan.stages.values()];
  const when = { now_ms: 0, until_ms: HOUR_MS };
  const stand = (depth: Depth): HostEvent[] =>
    standReady('d', { stages, stood: stages, depth }, when);
  const standing = new Set(idsOf(stand(NO_DEPTH), 'calls'));
  const take = (events: readonly HostEvent[]): void => {
    for (const id of idsOf(events, 'dropped')) standing.delete(id);
    for (const id of idsOf(events, 'calls')) standing.add(id);
  };
  let depth = NO_DEPTH;
  for (const [at, begins] of moves.entries()) {
    if (begins) {
      const call = `call${at}`;
      take(foreseeStages(beginRun(plan, 0), call, { stages, place: nextPlace(depth) }));
      depth = callBegun(depth);
      for (const { name } of stages) standing.delete(foreseenId(call, name));
    } else if (depth.running > 0) {
      depth = callEnded(depth);
      take(stand(depth));
    }
  }
  return { standing, depth };
}

test('whatever calls begin and end: each stage stands ready in the places no call has', async (t) => {
  const moves = fc.array(fc.boolean(), { maxLength: 60 });
  const property = fc.property(anyDag, moves, ({ dag, exec_ms }, begins) => {
    const plan = planDag(dag, (name) => exec_ms.get(name) ?? null);
    const { standing, depth } = playPlaces(plan, begins);
    for (const { name } of plan.stages.values()) {
      const own = [...standing].filter((id) => id.endsWith(`/${name}`));
      let [at, next] = [depth.running, nextPlace(depth)];
      if (next === null && own.length > 0) throw new Error('more than were ever called at a time');
      for (; next !== null; next = nextPlace({ ...depth, running: at })) {
        if (!standing.has(placeId('d', name, at))) throw new Error(`place ${at} is empty`);
        at += 1;
      }
      if (own.length !== at - depth.running) throw new Error(`${own.join()} beside ${at}`);
    }
    const left = new Set(standing);
    const stood = [...plan.stages.values()];
    const gone = standReady('d', { stages: [], stood, depth }, { now_ms: 0, until_ms: 0 });
    for (const id of idsOf(gone, 'dropped')) left.delete(id);
    if (left.size > 0) throw new Error(`${[...left].join()} are left when the DAG is gone`);
  });
  await holds(t, property, { runs: 300 });
});

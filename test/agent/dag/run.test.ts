/** One call of a DAG: who begins when, how it ends, and where its time went. */
import test from 'ava';
import fc from 'fast-check';
import { planDag } from '../../../agent/dag/plan.ts';
import {
  beginRun,
  type DagRun,
  dueStages,
  foreseenCalls,
  isOver,
  openStages,
  spentOnPath,
  stageBegun,
  stageDeadlineMs,
  stageEnded,
  takenPath,
} from '../../../agent/dag/run.ts';
import { NOTHING_SPENT, spentOf } from '../../../agent/dag/spent.ts';
import { REFUSALS } from '../../../agent/model/refusals.ts';
import { holds } from '../../seed.ts';
import { anyDag } from './any-dag.ts';

const failure = REFUSALS.cancelled();

/** Begins what is due, ends open stages in an order that `choices` say, until nothing is left. */
function play(run: DagRun, choices: readonly number[], fails_at: number): DagRun[] {
  const seen: DagRun[] = [];
  let now = run;
  for (let step = 0; !isOver(now); step += 1) {
    for (const { name } of dueStages(now)) now = stageBegun(now, name, step);
    const open = openStages(now);
    const name = open[(choices[step % choices.length] ?? 0) % open.length] ?? '';
    const end = { ended_at_ms: step + 1, spent: { ...NOTHING_SPENT, run_ms: 1 } };
    now = stageEnded(now, name, { ...end, failure: step === fails_at ? failure : null });
    seen.push(now);
  }
  return seen;
}

const played = fc.record({
  timed: anyDag,
  choices: fc.array(fc.nat(10), { minLength: 6, maxLength: 6 }),
  fails_at: fc.integer({ min: 0, max: 12 }),
});

test('each stage runs once, after all before it; after a failure none begins', async (t) => {
  const property = fc.property(played, ({ timed: { dag }, choices, fails_at }) => {
    const ends = play(
      beginRun(
        planDag(dag, () => 1),
        0,
      ),
      choices,
      fails_at,
    );
    const last = ends.at(-1);
    if (!last || openStages(last).length > 0) return false;
    const failed_ms = last.failed ? fails_at + 1 : Number.POSITIVE_INFINITY;
    const in_order = dag.edges.every(({ from, to }) => {
      const after = last.stages.get(to);
      const before = last.stages.get(from);
      return !after || (before?.end != null && before.end.ended_at_ms <= after.begun_at_ms);
    });
    const begun = [...last.stages.values()].every(({ begun_at_ms }) => begun_at_ms < failed_ms);
    const complete = last.failed !== null || last.stages.size === dag.stages.length;
    return in_order && begun && complete;
  });
  await holds(t, property);
  t.pass();
});

test('the way that took longest goes by edges, from a first stage to the one that ended last', async (t) => {
  const property = fc.property(played, ({ timed: { dag }, choices }) => {
    const last = play(
      beginRun(
        planDag(dag, () => 1),
        0,
      ),
      choices,
      -1,
    ).at(-1);
    if (!last) return false;
    const path = takenPath(last);
    const by_edges = path
      .slice(1)
      .every((to, index) => dag.edges.some((one) => one.to === to && one.from === path[index]));
    const is_first = !dag.edges.some(({ to }) => to === path[0]);
    const ends = [...last.stages.values()].map(({ end }) => end?.ended_at_ms ?? 0);
    const is_last = last.stages.get(path.at(-1) ?? '')?.end?.ended_at_ms === Math.max(...ends);
    return by_edges && is_first && is_last && spentOnPath(last, path).run_ms === path.length;
  });
  await holds(t, property);
  t.pass();
});

test('a stage is to be over by the deadline of all, less the longest way after it', (t) => {
  const stages = ['a', 'b', 'c'].map((name) => ({ name, function: name, payload_json: null }));
  const edges = [
    { from: 'a', to: 'b' },
    { from: 'a', to: 'c' },
  ];
  const dag = { name: 'd', ready_ms: null, deadline_ms: 100, stages, edges };
  const run = beginRun(
    planDag(dag, (name) => ({ a: 10, b: 20, c: 30 })[name] ?? null),
    1_000,
  );
  t.is(stageDeadlineMs(run, 'a'), 1_070);
  t.is(stageDeadlineMs(run, 'b'), 1_100);
  t.deepEqual(foreseenCalls(run), [
    { stage: 'b', function: 'b', at_ms: 1_010 },
    { stage: 'c', function: 'c', at_ms: 1_010 },
  ]);
  t.deepEqual(
    foreseenCalls(stageBegun(run, 'b', 1_005)).map(({ stage }) => stage),
    ['c'],
  );
});

const WARM = {
  asked_at_ms: 100,
  decided_at_ms: null,
  lacked_ms: 0,
  plugged_at_ms: null,
  ready_at_ms: null,
  assigned_at_ms: 130,
  ended_at_ms: 150,
};
const COLD = { ...WARM, decided_at_ms: 110, plugged_at_ms: 115, ready_at_ms: 128 };

for (const { name, times, spent } of [
  { name: 'an instance was busy', times: WARM, spent: { wait_ms: 30, run_ms: 20 } },
  {
    name: 'a start, which was decided late',
    times: COLD,
    spent: { wait_ms: 12, plug_ms: 5, start_ms: 13, run_ms: 20 },
  },
  {
    name: 'memory lacked before the start',
    times: { ...COLD, lacked_ms: 8 },
    spent: { wait_ms: 4, permit_ms: 8, plug_ms: 5, start_ms: 13, run_ms: 20 },
  },
  {
    name: 'the start was made ahead of the call, and ended in it',
    times: { ...COLD, decided_at_ms: 50, plugged_at_ms: 60 },
    spent: { wait_ms: 2, start_ms: 28, run_ms: 20 },
  },
  {
    name: 'no instance took it',
    times: { ...WARM, assigned_at_ms: null },
    spent: { wait_ms: 50 },
  },
]) {
  test(`where the time of a stage went: ${name}`, (t) => {
    t.deepEqual(spentOf(times), { ...NOTHING_SPENT, ...spent });
  });
}

test('the parts of a stage make the whole, whatever its times are', async (t) => {
  const at = fc.option(fc.integer({ min: -50, max: 200 }), { nil: null });
  const times = fc.record({
    asked_at_ms: fc.integer({ min: 0, max: 50 }),
    decided_at_ms: at,
    lacked_ms: fc.nat(100),
    plugged_at_ms: at,
    ready_at_ms: at,
    assigned_at_ms: at,
    ended_at_ms: fc.integer({ min: 50, max: 150 }),
  });
  const property = fc.property(times, (one) => {
    const parts = Object.values(spentOf(one));
    const sum = parts.reduce((total, part) => total + part, 0);
    return parts.every((part) => part >= 0) && sum === one.ended_at_ms - one.asked_at_ms;
  });
  await holds(t, property);
  t.pass();
});

/** Calls of DAGs by the real agent, over a modelled VMM and guest. */
import test from 'ava';
import type { DagSpec } from '../../../agent/model/dag.ts';
import { GIB, MIB } from '../../../base/units.ts';
import { emulated } from '../../../agent/model/work.ts';
import { fakeHost } from '../../fakes/host.ts';
import { specOf, WORK } from '../core/world.ts';

const LIMIT_BYTES = 128 * MIB;
const json = JSON.stringify(WORK);
const PAYLOAD = { payload: emulated(WORK).payload, content_type: 'application/json' };
const ASKED = { invocation_id: 'x', ...PAYLOAD, peer: null };

/** Stages a, b, c, d of functions fa, fb, fc, fd. */
function diamond(deadline_ms: number, ready_ms = 0): DagSpec {
  const stages = 'abcd'.split('').map((name) => ({
    name,
    function: `f${name}`,
    payload_json: name === 'a' ? null : json,
  }));
  const edges = ['ab', 'ac', 'bd', 'cd'].map((pair) => ({
    from: pair[0] ?? '',
    to: pair[1] ?? '',
  }));
  return { name: 'd', deadline_ms, stages, edges, ready_ms };
}

async function hostOf(deadline_ms: number, faults: Parameters<typeof fakeHost>[0] = {}) {
  const host = fakeHost(faults, 16 * GIB);
  const { agent, clock } = host;
  for (const name of ['fa', 'fb', 'fc', 'fd']) {
    await clock.until(agent.deploy(specOf(name, { keep_alive_ms: 500 })));
  }
  await clock.until(agent.dags.deploy(diamond(deadline_ms)));
  return host;
}

test('a DAG is called: cold ones overlap, its time is told by parts, and it meets its deadline', async (t) => {
  const { agent, clock } = await hostOf(1_000);
  const { record, failure, answer } = await clock.until(agent.dags.invoke('d', ASKED));
  t.is(failure, null);
  t.like(record, { outcome: 'done', in_time: true, invocation_id: 'x', dag: 'd' });
  t.deepEqual(
    record.stages.map(({ stage, outcome }) => `${stage} ${outcome}`),
    ['a done', 'b done', 'c done', 'd done'],
  );
  const parts = Object.values(record.spent).reduce((sum, ms) => sum + ms, 0);
  t.is(parts, record.finished_at_ms - record.received_at_ms, 'the parts make the whole');
  t.is(record.path.length, 3);
  t.like(JSON.parse(Buffer.from(answer?.bytes ?? []).toString()), { anonymous_bytes: 1 << 20 });
  t.like(agent.dags.list('d')[0], { met: 1, missed: 0, failed: 0, running: 0 });
});

test('of a DAG that is removed nothing is told any more, nor of one that takes its name', async (t) => {
  const { agent, clock } = await hostOf(1_000);
  await clock.until(agent.dags.invoke('d', ASKED));
  t.like(agent.dags.list('d')[0], { met: 1, missed: 0, failed: 0 });
  await clock.until(agent.dags.remove('d'));
  await clock.until(agent.dags.deploy(diamond(1_000)));
  t.like(agent.dags.list('d')[0], { met: 0, missed: 0, failed: 0, took_ms: 0 });

  // A call that outlives its DAG is answered, and counted nowhere.
  const last = agent.dags.invoke('d', ASKED);
  await clock.until(agent.dags.remove('d'));
  t.like((await clock.until(last)).record, { outcome: 'done' });
  await clock.until(agent.dags.deploy(diamond(1_000)));
  t.like(agent.dags.list('d')[0], { met: 0, missed: 0, failed: 0, running: 0 });
});

test('instances of later stages are started with the first, and have none to wait for', async (t) => {
  const { agent, clock, hypervisor } = await hostOf(1_000);
  const ended = agent.dags.invoke('d', ASKED);
  await clock.advance(1);
  const starting = (name: string): number =>
    [...agent.state.vms.values()]
      .filter((vm) => vm.function === name)
      .flatMap(({ instances }) => instances).length;
  t.deepEqual(['fa', 'fb', 'fc', 'fd'].map(starting), [1, 1, 1, 1]);
  const { record } = await clock.until(ended);
  t.deepEqual(
    record.stages.map(({ stage, cold }) => `${stage} ${cold}`),
    ['a true', 'b false', 'c false', 'd false'],
  );
  const { plug_ms, start_ms } = record.spent;
  const alone = await clock.until(agent.invoke('fa', 'y', emulated(WORK)));
  t.false(alone.cold);
  t.true(plug_ms + start_ms > 0, 'of the first stage');
  await clock.advance(10_000);
  t.is(hypervisor.pluggedBytes(), 0, 'and all of it comes back');
});

test('a deadline that has no time for starts has instances ready, for as long as it says', async (t) => {
  const { agent, clock, hypervisor } = await hostOf(1_000);
  await clock.until(agent.dags.deploy(diamond(20, 60_000)));
  await clock.advance(5_000);
  t.is(hypervisor.pluggedBytes(), 4 * LIMIT_BYTES, 'one of each, before any call');
  for (const call of ['first', 'second']) {
    const { record } = await clock.until(agent.dags.invoke('d', ASKED));
    const cold = record.stages.filter((stage) => stage.cold);
    t.deepEqual(cold, [], `${call}: none is cold`);
    await clock.advance(30_000);
    t.is(hypervisor.pluggedBytes(), 3 * LIMIT_BYTES, 'longer than functions keep them');
  }
  const pair = [agent.dags.invoke('d', ASKED), agent.dags.invoke('d', ASKED)];
  await clock.until(Promise.all(pair));
  await clock.advance(10_000);
  t.is(hypervisor.pluggedBytes(), 6 * LIMIT_BYTES, 'two of each, after two at a time');
  await clock.advance(60_000);
  t.is(hypervisor.pluggedBytes(), 0, 'and then nothing');
});

test('a deadline that has time for starts has none ready, and one that is gone gives all back', async (t) => {
  const { agent, clock, hypervisor } = await hostOf(1_000);
  await clock.until(agent.dags.deploy(diamond(20, 3_600_000)));
  await clock.until(agent.dags.invoke('d', ASKED));
  await clock.advance(30_000);
  t.is(hypervisor.pluggedBytes(), 3 * LIMIT_BYTES, 'd can be started while a and b run');
  await clock.until(agent.dags.remove('d'));
  await clock.advance(10_000);
  t.is(hypervisor.pluggedBytes(), 0, 'removed');
  await clock.until(agent.dags.deploy(diamond(60_000, 3_600_000)));
  await clock.until(agent.dags.invoke('d', ASKED));
  await clock.advance(10_000);
  t.is(hypervisor.pluggedBytes(), 0, 'a minute is enough to start them');
});

test('one that is done after its deadline is told so, and counted', async (t) => {
  const { agent, clock } = await hostOf(1);
  const { record, failure } = await clock.until(agent.dags.invoke('d', ASKED));
  t.is(failure, null);
  t.like(record, { outcome: 'done', in_time: false });
  t.like(agent.dags.list('d')[0], { met: 0, missed: 1 });
});

test('a stage that fails is named, siblings end, and the next call is served', async (t) => {
  let calls = 0;
  const guest = (request: string) => {
    if (request !== 'invoke') return 'none';
    calls += 1;
    return calls === 2 ? 'refuse' : 'none';
  };
  const { agent, clock } = await hostOf(1_000, { guest });
  const { record, failure } = await clock.until(agent.dags.invoke('d', ASKED));
  t.is(failure?.code, 'HP_AGENT_DAG_STAGE');
  t.is(record.outcome, 'failed');
  t.regex(record.failed_stage ?? '', /^[bc]$/);
  t.deepEqual(
    record.stages.map(({ stage, outcome }) => `${stage} ${outcome}`),
    [`${record.failed_stage} failed`],
  );
  for (const { expected, queue } of agent.state.functions.values()) {
    t.deepEqual([expected.length, queue.length], [0, 0]);
  }
  await clock.advance(20_000);
  const again = await clock.until(agent.dags.invoke('d', ASKED));
  t.is(again.failure, null);
  t.like(agent.dags.list('d')[0], { met: 1, failed: 1, running: 0 });
});

test('what is not there is refused before anything is called', async (t) => {
  const { agent, clock } = await hostOf(1_000);
  await t.throwsAsync(clock.until(agent.dags.invoke('none', ASKED)), { code: 'HP_AGENT_NO_DAG' });
  await clock.until(agent.remove('fd'));
  await t.throwsAsync(clock.until(agent.dags.invoke('d', ASKED)), {
    code: 'HP_AGENT_NO_FUNCTION',
    message: /stage 'd' of DAG 'd' runs 'fd'/,
  });
  t.like(agent.dags.list('d')[0], { met: 0, failed: 0, running: 0 });
});

test('so many calls of DAGs go on at once, and no more', async (t) => {
  const { agent, clock } = await hostOf(60_000);
  const open = Array.from({ length: 256 }, () => agent.dags.invoke('d', ASKED));
  await t.throwsAsync(agent.dags.invoke('d', ASKED), { code: 'HP_AGENT_DAGS_BUSY' });
  t.like(agent.dags.list('d')[0], { running: 256 });
  const ends = await clock.until(Promise.all(open));
  t.deepEqual(
    ends.filter(({ failure }) => failure !== null),
    [],
  );
});

/** DAGs of an agent, over a modelled VMM and guest. */
import test, { type ExecutionContext } from 'ava';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DagSpec } from '../../../agent/model/dag.ts';
import { HostAgent } from '../../../agent/executor/host-agent.ts';
import { StateFile } from '../../../agent/store/state-file.ts';
import { FakeHypervisor } from '../../../agent/testing/fake-hypervisor.ts';
import { GIB } from '../../../base/units.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { specOf } from '../core/world.ts';
import { earlierIn, QUIET_PARTS } from './next-agent.ts';

function chain(name: string, ...functions: readonly string[]): DagSpec {
  const stages = functions.map((runs, index) => {
    return { name: `s${index}`, function: runs, payload_json: null };
  });
  const edges = stages.slice(1).map((to, index) => ({ from: `s${index}`, to: to.name }));
  return { name, deadline_ms: 1_000, stages, edges, ready_ms: 0 };
}

/** One agent after the other, over the same state. */
async function agentsOf(t: ExecutionContext) {
  const folder = await mkdtemp(join(tmpdir(), 'hp-dags-'));
  t.teardown(async () => await rm(folder, { recursive: true, force: true }));
  const path = join(folder, 'state.db');
  const clock = new FakeClock();
  const hypervisor = new FakeHypervisor(clock);
  const host_limit_bytes = 4 * GIB;
  const begin = async (): Promise<{ agent: HostAgent; end: () => void }> => {
    const store = await StateFile.open(path);
    const earlier = earlierIn(store, hypervisor, { path, host_limit_bytes });
    const parts = { ...QUIET_PARTS, clock, hypervisor, host_limit_bytes, store };
    const agent = new HostAgent({ ...parts, ...earlier });
    const end = (): void => {
      agent.close();
      store.close();
    };
    return { agent, end };
  };
  return { clock, begin };
}

test('DAGs stay from agent to agent until they are removed, also without a function', async (t) => {
  const { clock, begin } = await agentsOf(t);
  const first = await begin();
  await clock.until(first.agent.deploy(specOf('f')));
  await clock.until(first.agent.dags.deploy(chain('kept', 'f', 'f')));
  await clock.until(first.agent.dags.deploy(chain('gone', 'f')));
  await clock.until(first.agent.dags.remove('gone'));
  await clock.until(first.agent.remove('f'));
  first.end();

  const second = await begin();
  t.deepEqual(
    second.agent.dags.list(null).map(({ dag }) => dag),
    [chain('kept', 'f', 'f')],
  );
  await clock.until(second.agent.dags.remove('kept'));
  second.end();

  const third = await begin();
  t.deepEqual(third.agent.dags.list(null), []);
  third.end();
});

const expected = ({ state }: HostAgent): string[] =>
  (state.functions.get('f')?.expected ?? []).map(({ id }) => id);

test('for DAGs of an earlier agent instances stand ready again, for those that were removed none', async (t) => {
  const { clock, begin } = await agentsOf(t);
  const tight = { ...chain('tight', 'f'), deadline_ms: 1, ready_ms: 60_000 };
  const first = await begin();
  await clock.until(first.agent.deploy(specOf('f')));
  await clock.until(first.agent.dags.deploy(tight));
  await clock.until(first.agent.dags.deploy({ ...tight, name: 'gone' }));
  await clock.until(first.agent.dags.remove('gone'));
  t.deepEqual(expected(first.agent), ['tight/ready0/s0']);
  first.end();
  const second = await begin();
  t.deepEqual(expected(second.agent), ['tight/ready0/s0']);
  second.end();
});

test('a host has so many DAGs and no more; another in the place of one is taken', async (t) => {
  const clock = new FakeClock();
  const parts = { ...QUIET_PARTS, clock, hypervisor: new FakeHypervisor(clock) };
  const agent = new HostAgent({ ...parts, host_limit_bytes: 4 * GIB });
  await clock.until(agent.deploy(specOf('f')));
  for (let index = 0; index < 128; index += 1) {
    await clock.until(agent.dags.deploy(chain(`d${index}`, 'f')));
  }
  await t.throwsAsync(clock.until(agent.dags.deploy(chain('more', 'f'))), {
    code: 'HP_AGENT_TOO_MANY_DAGS',
  });
  const replaced = await clock.until(agent.dags.deploy(chain('d0', 'f', 'f')));
  t.is(replaced.outcome, 'replaced');
  await t.throwsAsync(clock.until(agent.dags.deploy({ ...chain('d1', 'f'), stages: [] })), {
    code: 'HP_AGENT_DAG',
    message: /'d1' cannot be: stages: must name at least one stage/,
  });
  agent.close();
});

/**
 * Calls of DAGs on real VMs: with instances that stand ready the first stage is never cold, however
 * long after the last call, and all memory comes back when the DAG is gone.
 *   HOTPLANE_DAG_CALLS        of each kind; default 5
 *   HOTPLANE_DAG_DEADLINE_MS  of a call that takes 900 ms where nothing waits; default 905, which
 *                             leaves no time for any start
 */
import test, { type ExecutionContext } from 'ava';
import type { HostAgent } from '../../agent/executor/host-agent.ts';
import type { DagSpec } from '../../agent/model/dag.ts';
import { emulated } from '../../agent/model/work.ts';
import { hostClock } from '../../base/clock.ts';
import { GIB, MIB } from '../../base/units.ts';
import { waitFor } from '../../base/wait.ts';
import { numberOf } from '../seed.ts';
import { specOf } from './core/world.ts';
import { realAgent } from './real-agent.ts';

const CALLS = numberOf('HOTPLANE_DAG_CALLS', 5);
const CALL_DEADLINE_MS = numberOf('HOTPLANE_DAG_DEADLINE_MS', 905);
const WORK = { anonymous_bytes: 20 * MIB, file_bytes: 0, cpu_ms: 0, wall_ms: 300 };
const KEEP_ALIVE_MS = 500;
const DEADLINE_MS = 120_000;
const CALL_MS = 60_000;
const FUNCTIONS = ['fetch', 'small', 'large', 'publish'];

/** fetch, then small and large side by side, then publish: 900 ms where nothing waits. */
const dagOf = (ready_ms: number): DagSpec => {
  const payload_json = JSON.stringify(WORK);
  return {
    name: 'thumbnails',
    deadline_ms: CALL_DEADLINE_MS,
    stages: FUNCTIONS.map((name) => ({ name, function: name, payload_json })),
    edges: [
      { from: 'fetch', to: 'small' },
      { from: 'fetch', to: 'large' },
      { from: 'small', to: 'publish' },
      { from: 'large', to: 'publish' },
    ],
    ready_ms,
  };
};

/** Waits until so many instances are idle, and nothing else is on its way. */
async function idle(agent: HostAgent, count: number): Promise<true | null> {
  const look = async (): Promise<true | null> => {
    const { functions } = await agent.status('');
    const sum = (of: (one: (typeof functions)[number]) => number): number =>
      functions.reduce((all, one) => all + of(one), 0);
    const others = sum((one) => one.instances_starting + one.instances_stopping);
    return others === 0 && sum((one) => one.instances_idle) === count ? true : null;
  };
  return await waitFor(look, { clock: hostClock, deadline_ms: DEADLINE_MS, longest_pause_ms: 100 });
}

/** Calls it, each when what it leaves idle is as many; how many stages were cold, and in time. */
async function callsOf(t: ExecutionContext, agent: HostAgent, left_idle: number) {
  const seen = { first_cold: 0, cold: 0, in_time: 0, took_ms: [] as number[] };
  for (let call = 0; call < CALLS; call += 1) {
    const asked = { invocation_id: `c${call}`, payload: new Uint8Array(), content_type: '' };
    const { record, failure } = await agent.dags.invoke('thumbnails', { ...asked, peer: null });
    t.is(failure, null);
    const cold = record.stages.filter((stage) => stage.cold);
    seen.first_cold += cold.filter(({ stage }) => stage === 'fetch').length;
    seen.cold += cold.length;
    seen.in_time += record.in_time ? 1 : 0;
    seen.took_ms.push(Math.round(record.finished_at_ms - record.received_at_ms));
    t.true((await idle(agent, left_idle)) === true, `${left_idle} idle after call ${call}`);
  }
  t.log(`${left_idle} left idle: ${JSON.stringify(seen)} of ${CALLS} calls`);
  return seen;
}

test.serial(
  'hotmem: instances that stand ready serve a DAG warm, and are given back',
  async (t) => {
    t.timeout(600_000 + CALLS * 2 * CALL_MS);
    const agent = await realAgent(t, 8 * GIB);
    for (const name of FUNCTIONS) {
      const size = { limit_bytes: 128 * MIB, keep_alive_ms: KEEP_ALIVE_MS, concurrency: 2 };
      await agent.deploy(specOf(name, { mechanism: 'hotmem', ...size }));
      // How long it runs and starts is learned.
      t.is((await agent.invoke(name, 'first', emulated(WORK))).outcome, 'done');
    }
    t.true((await idle(agent, 0)) === true);
    await agent.dags.deploy(dagOf(0));
    const reactive = await callsOf(t, agent, 0);
    t.is(reactive.first_cold, CALLS, 'with none ready the first stage is cold, each time');

    await agent.dags.deploy(dagOf(3_600_000));
    const standing = await waitFor(
      async () => {
        const { functions } = await agent.status('');
        const all = functions.every(({ instances_starting: starting }) => starting === 0);
        const count = functions.reduce((sum, one) => sum + one.instances_idle, 0);
        return all && count > 0 ? count : null;
      },
      { clock: hostClock, deadline_ms: DEADLINE_MS, longest_pause_ms: 100 },
    );
    t.true((standing ?? 0) > 0, 'some stand ready before the call');
    const ready = await callsOf(t, agent, standing ?? 0);
    t.is(ready.first_cold, 0, 'what stands ready is there when it is called');

    await agent.dags.remove('thumbnails');
    t.true((await idle(agent, 0)) === true, 'nothing stands ready any more');
    const empty = async (): Promise<true | null> => {
      const { functions } = await agent.status('');
      const is_empty = functions.every(({ permits_bytes: has, boot_bytes, regions }) => {
        return has <= boot_bytes && regions.every((region) => region.resident_bytes === 0);
      });
      return is_empty ? true : null;
    };
    const pace = { clock: hostClock, deadline_ms: DEADLINE_MS, longest_pause_ms: 100 };
    t.true((await waitFor(empty, pace)) === true, 'permits and resident memory are back');
  },
);

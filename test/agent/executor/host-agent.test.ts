/** The real agent over a modelled VMM and guest: what callers see. */
import test from 'ava';
import { MIB } from '../../../base/units.ts';
import type { Invocation } from '../../../agent/model/records.ts';
import { MECHANISMS } from '../../../agent/model/mechanism.ts';
import type { AgentRecord, Operation } from '../../../agent/model/records.ts';
import { fakeHost } from '../../fakes/host.ts';
import { specOf, WORK } from '../core/world.ts';
import { emulated } from '../../../agent/model/work.ts';

for (const mechanism of MECHANISMS.names) {
  test(`${mechanism}: deploy, cold and warm invocation, keep-alive, unplug, remove`, async (t) => {
    const { clock, agent, hypervisor } = fakeHost();
    const watch = agent.watch({ memory_interval_ms: 250 });
    const spec = specOf('f', { mechanism, concurrency: 3 });
    const deployed = await clock.until(agent.deploy(spec));
    t.is(deployed.facts.vmm, 'fake 1.0');
    const full = mechanism === 'static' ? 384 * MIB : 0;
    t.is(hypervisor.pluggedBytes(), full);

    const both = [
      agent.invoke('f', 'one', emulated(WORK)),
      agent.invoke('f', 'two', emulated(WORK)),
    ];
    const [first, second] = await clock.until(Promise.all(both));
    t.like(first, { outcome: 'done', cold: true, invocation_id: 'one' });
    t.like(second, { outcome: 'done', cold: true, invocation_id: 'two' });
    checkStages(t, first);
    t.not(first?.instance_id, second?.instance_id);
    t.is(hypervisor.pluggedBytes(), mechanism === 'static' ? full : 256 * MIB);
    const warm = await clock.until(agent.invoke('f', 'three', emulated(WORK)));
    t.like(warm, { outcome: 'done', cold: false, operation_id: null, created_at_ms: null });
    const status = await clock.until(agent.status('f'));
    t.like(status.functions[0], { instances_idle: 2, vm_state: 'running' });

    await clock.advance(2_000);
    t.is(hypervisor.pluggedBytes(), full);
    t.is(agent.grantedBytes(), spec.boot_bytes + full);
    await clock.until(agent.remove('f'));
    t.is(agent.grantedBytes(), 0);
    t.is(hypervisor.alive().length, 0);
    agent.close();
    const records: AgentRecord[] = [];
    for await (const record of watch) records.push(record);
    const operations = records.flatMap(({ operation }) => operation ?? []);
    const kinds = operations.map(({ kind, outcome }) => `${kind} ${outcome}`).toSorted();
    const on_demand = ['plug done', 'plug done', 'unplug done', 'unplug done'];
    t.deepEqual(kinds, mechanism === 'static' ? Array(3).fill('plug done') : on_demand);
    for (const operation of operations) checkStamps(t, operation);
    const steps = records.flatMap(({ memory }) => memory ?? []);
    t.is(steps.at(-1)?.committed_bytes, 0);
    for (const step of steps) t.true(step.committed_bytes >= step.plugged_bytes, 'book covers');
  });
}

/** The stages of a cold start, in the order in which they can only come. */
function checkStages(
  t: { true: (value: boolean, message?: string) => void },
  reply: Invocation | undefined,
): void {
  if (!reply) return t.true(false, 'it was served');
  const stages = {
    received: reply.received_at_ms,
    created: reply.created_at_ms,
    sandbox: reply.sandbox_at_ms,
    attached: reply.attached_at_ms,
    ready: reply.instance_ready_at_ms,
    assigned: reply.assigned_at_ms,
  };
  let last_ms = 0;
  for (const [name, at_ms] of Object.entries(stages)) {
    t.true(at_ms !== null && at_ms >= last_ms, `${name} at ${at_ms} follows ${last_ms}`);
    last_ms = at_ms ?? Infinity;
  }
  const plugged_at_ms = reply.plugged_at_ms ?? stages.received;
  t.true(
    plugged_at_ms >= stages.received && plugged_at_ms <= (stages.ready ?? 0),
    'plugged in between',
  );
}

/** Whether both points were reached, the one not before the other. */
function follows(at_ms: number | null, before_ms: number | null): boolean {
  return at_ms !== null && before_ms !== null && at_ms >= before_ms;
}

function checkStamps(
  t: {
    true: (value: boolean, message?: string) => void;
    not: (value: unknown, other: unknown) => void;
  },
  operation: Operation,
): void {
  const names = ['decided_at_ms', 'requested_at_ms', 'accepted_at_ms', 'plugged_at_ms'] as const;
  let last_ms = 0;
  for (const name of names) {
    const at_ms = operation[name];
    t.true(at_ms !== null && at_ms >= last_ms, `${name} follows the one before`);
    last_ms = at_ms ?? Infinity;
  }
  if (operation.kind === 'unplug') {
    t.true(follows(operation.gone_at_ms, operation.stop_at_ms));
    t.true(follows(operation.requested_at_ms, operation.gone_at_ms), 'unplug follows the end');
    t.true(follows(operation.resident_at_ms, operation.plugged_at_ms));
  } else if (operation.instance_id !== null) {
    t.not(operation.sandbox_at_ms, null);
    t.true(follows(operation.attached_at_ms, operation.sandbox_at_ms), 'attached after t3');
    const { instance_ready_at_ms: ready_at_ms, plugged_at_ms } = operation;
    t.true(follows(ready_at_ms, plugged_at_ms), 'ready only when plugged');
  }
}

test('a call whose caller is gone before it is taken holds no instance', async (t) => {
  const { clock, agent } = fakeHost();
  await clock.until(agent.deploy(specOf('f', { concurrency: 1 })));
  const long = emulated({ ...WORK, wall_ms: 60_000 });
  const gone = agent.invoke('f', 'gone', long, (run) => run());
  const next = agent.invoke('f', 'next', emulated(WORK));
  const { outcome, failure } = await clock.until(gone);
  t.deepEqual([outcome, failure?.code], ['refused', 'HP_AGENT_CANCELLED']);
  t.like(await clock.until(next, 30_000), { outcome: 'done' });
  await clock.until(agent.stop(0));
});

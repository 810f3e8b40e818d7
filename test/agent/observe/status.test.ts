/** Status with sick VMs: one delays no answer about the others, and what is not known is not 0. */
import test from 'ava';
import type { AgentRecord } from '../../../agent/model/records.ts';
import { PLUGGED_RESERVE_POLICY } from '../../../autoscaler/policy/plugged-reserve.ts';
import { LIMITS } from '../../../base/limits.ts';
import { AGENT_LIMITS } from '../../../agent/limits.ts';
import { MIB } from '../../../base/units.ts';
import type { GuestFault } from '../../../agent/testing/fake-guest.ts';
import { fakeHost } from '../../fakes/host.ts';
import { specOf, WORK } from '../core/world.ts';
import { emulated } from '../../../agent/model/work.ts';

test('a frozen VMM is named and its figures are unknown; the others are told within the bound', async (t) => {
  const { clock, agent, hypervisor } = fakeHost();
  for (const name of ['well', 'sick']) {
    await clock.until(agent.deploy(specOf(name, { keep_alive_ms: 1e6 })));
    await clock.until(agent.invoke(name, 'x', emulated(WORK)));
  }
  const sick = hypervisor.vms[1];
  sick?.freeze();
  const asked_ms = clock.nowMs();
  const status = await clock.until(agent.status('', true));
  t.true(clock.nowMs() - asked_ms <= AGENT_LIMITS.status_vm_ms);
  t.true(status.state_json?.includes('"sick"'), 'the state needs no guest');
  const [one, other] = status.functions;
  t.like(one, { unanswered: [], guest_plugged_bytes: 128 * MIB, pages_migrated: 0, oom_kills: 0 });
  t.like(one, { shared_bytes: 30_000, tmp_bytes: 2_000, kernel_bytes: 4_000 });
  t.deepEqual(
    one?.regions.map((region) => region.plugged_bytes),
    [128 * MIB, 0],
  );
  t.like(other, {
    unanswered: ['vmm', 'guest'],
    vm_state: 'running',
    instances_idle: 1,
    permits_bytes: 128 * MIB,
    guest_plugged_bytes: null,
    pages_migrated: null,
    oom_kills: null,
    shared_bytes: null,
    vm_resident_bytes: 129 * MIB,
  });
  const unknown = { plugged_bytes: null, guest_plugged_bytes: null, resident_bytes: null };
  t.like(other?.regions[0], { ...unknown, requested_bytes: null, permit_bytes: 128 * MIB });
  t.like(other?.regions[1], { ...unknown, requested_bytes: null, permit_bytes: 0 });
  t.true((other?.vmm_answered_at_ms ?? 0) > 0 && (other?.vmm_answered_at_ms ?? 0) < asked_ms);
  sick?.thaw();
  const again = await clock.until(agent.status('sick'));
  t.like(again.functions[0], { unanswered: [], guest_plugged_bytes: 128 * MIB });
  await clock.until(agent.stop(0));
});

test('a silent guest leaves what VMM and host tell', async (t) => {
  const fault: { now: GuestFault } = { now: 'none' };
  const { clock, agent } = fakeHost({ guest: () => fault.now });
  await clock.until(agent.deploy(specOf('f', { keep_alive_ms: 1e6 })));
  await clock.until(agent.invoke('f', 'x', emulated(WORK)));
  fault.now = 'silent';
  const asked_ms = clock.nowMs();
  const status = await clock.until(agent.status('f'));
  t.true(clock.nowMs() - asked_ms <= AGENT_LIMITS.status_vm_ms);
  t.like(status.functions[0], { unanswered: ['guest'], guest_plugged_bytes: null });
  t.like(status.functions[0]?.regions[0], {
    plugged_bytes: 128 * MIB,
    resident_bytes: 128 * MIB,
    guest_plugged_bytes: null,
  });
  fault.now = 'none';
  await clock.until(agent.stop(0));
});

test('a VM that boots has no figures yet and owes no answer', async (t) => {
  const { clock, agent } = fakeHost();
  const deployed = agent.deploy(specOf('f'));
  const status = await agent.status('f');
  t.like(status.functions[0], {
    vm_state: 'booting',
    unanswered: [],
    vm_resident_bytes: null,
    pages_migrated: null,
  });
  t.is(status.functions[0]?.regions[0]?.plugged_bytes, null);
  await clock.until(deployed);
  await clock.until(agent.stop(0));
});

test('memory records: a silent guest uses null, a frozen VMM tells no step at all', async (t) => {
  const fault: { now: GuestFault } = { now: 'none' };
  const { clock, agent, hypervisor } = fakeHost({ guest: () => fault.now });
  const watch = agent.watch({ memory_interval_ms: 250 });
  await clock.until(agent.deploy(specOf('f', { keep_alive_ms: 1e6 })));
  await clock.until(agent.invoke('f', 'x', emulated(WORK)));
  fault.now = 'silent';
  await clock.advance(LIMITS.guest_call_ms + 3_000);
  const frozen_at_ms = clock.nowMs();
  hypervisor.vms[0]?.freeze();
  await clock.advance(20_000);
  const thawed_at_ms = clock.nowMs();
  fault.now = 'none';
  hypervisor.vms[0]?.thaw();
  await clock.until(agent.stop(0));
  const records: AgentRecord[] = [];
  for await (const record of watch) records.push(record);
  const steps = records.flatMap(({ memory }) => memory ?? []);
  const before = steps.findLast((step) => step.at_ms <= frozen_at_ms);
  t.like(before, { used_bytes: null, plugged_bytes: 384 * MIB });
  const during = steps.filter(({ at_ms }) => at_ms > frozen_at_ms && at_ms < thawed_at_ms);
  t.deepEqual(during, []);
  t.true(steps.some((step) => step.used_bytes !== null && step.used_bytes > 0));
});

test('the record of an operation does not know what a silent guest did', async (t) => {
  const fault: { now: GuestFault } = { now: 'none' };
  const { clock, agent } = fakeHost({ guest: (type) => (type === 'stats' ? fault.now : 'none') });
  const watch = agent.watch({ memory_interval_ms: 250 });
  await clock.until(agent.deploy(specOf('f', { keep_alive_ms: 100 })));
  fault.now = 'silent';
  await clock.until(agent.invoke('f', 'x', emulated(WORK)));
  await clock.advance(60_000);
  fault.now = 'none';
  await clock.until(agent.stop(0));
  const records: AgentRecord[] = [];
  for await (const record of watch) records.push(record);
  const plug = records
    .flatMap(({ operation }) => operation ?? [])
    .find((one) => one.kind === 'plug');
  t.like(plug, {
    outcome: 'done',
    plugged_bytes: 128 * MIB,
    guest_plugged_bytes: null,
    pages_migrated: null,
    guest_cpu_ms: null,
    guest_ns: null,
  });
});

test('each rung is told with what stands there, who found it and what it has cost', async (t) => {
  const { clock, agent } = fakeHost({}, undefined, {}, PLUGGED_RESERVE_POLICY);
  await clock.until(agent.deploy(specOf('f', { concurrency: 4, keep_alive_ms: 1e6 })));
  for (const id of ['a', 'b']) await clock.until(agent.invoke('f', id, emulated(WORK)));
  const told = async () => (await clock.until(agent.status('f'))).functions[0]?.rungs ?? [];
  const [unplugged, plugged, populated, warm, busy] = await told();
  t.like(unplugged, { rung: 'unplugged', have: 2 });
  t.like(plugged, { rung: 'plugged', have: 1, want: 1, asked: 1, hits: 0 });
  t.like(populated, { rung: 'populated', have: null });
  t.like(warm, { rung: 'warm', have: 1, want: null, asked: 2, hits: 1, hit_percent: 50 });
  t.like(busy, { rung: 'busy', have: 0 });
  await clock.advance(8_000);
  const later = await told();
  // 128 MiB for 8 s are a GiB s.
  t.true((later[1]?.idle_gib_s ?? 0) - (plugged?.idle_gib_s ?? 0) >= 1);
  await clock.until(agent.stop(0));
});

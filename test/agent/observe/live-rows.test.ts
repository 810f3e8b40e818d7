/** Rows of the live stream: whatever changes in a region is told, and what does not is not. */
import test from 'ava';
import { emulated } from '../../../agent/model/work.ts';
import { NO_FAULTS } from '../../../agent/testing/fake-hypervisor.ts';
import { functionRow, vmRow } from '../../../agent/observe/live/rows.ts';
import { GIB, MIB } from '../../../base/units.ts';
import { HISTORY_POLICY } from '../../../autoscaler/policy/history.ts';
import { fakeHost } from '../../fakes/host.ts';
import { specOf, WORK } from '../core/world.ts';

const CHANGES = {
  target_bytes: 7 * MIB,
  plugged_bytes: 7 * MIB,
  permit_bytes: 7 * MIB,
  used_bytes: 7 * MIB,
  holder: 'i99',
  operation_id: 'op99',
  ready: true,
  unplug_attempts: 9,
} as const;

test('each change of a region, or of what its instance does, is told alone', async (t) => {
  const { agent, clock } = fakeHost();
  await clock.until(agent.deploy(specOf('f', { concurrency: 2, keep_alive_ms: 600_000 })));
  await clock.until(agent.invoke('f', 'x', emulated(WORK)));
  const [vm] = agent.state.vms.values();
  const [first, second] = vm?.regions ?? [];
  const [instance] = vm?.instances ?? [];
  if (!vm || !first || !second || !instance) throw new Error('no VM with an instance');
  t.is(vmRow(vm).regions.length, 2, 'who comes is told all');
  t.deepEqual(vmRow(vm, vm).regions, []);
  for (const [field, value] of Object.entries(CHANGES)) {
    const changed = { ...first, [field]: value };
    const { regions } = vmRow({ ...vm, regions: [changed, second] }, vm);
    t.is(regions.length, 1, field);
    const told = { ...regions[0] };
    t.is(Object.entries(told).find(([, one]) => one === value)?.[1], value, field);
  }
  const stopping = { ...vm, instances: [{ ...instance, phase: 'stopping' as const }] };
  t.like(vmRow(stopping, vm).regions, [{ id: first.id, instance_phase: 'stopping' }]);
  const spanned = { ...second, holder: `${instance.id}/data` };
  const { regions } = vmRow({ ...vm, regions: [first, spanned] }, vm);
  t.like(regions, [{ instance_id: instance.id, span: 'data', instance_phase: 'idle' }]);
  const both = { ...stopping, regions: [first, spanned] };
  t.is(vmRow(both, { ...vm, regions: [first, spanned] }).regions.length, 2, 'of its span, too');
  await clock.until(agent.stop(0));
});

test('what a function has above its baseline is told until now, as Status tells it', async (t) => {
  const { agent, clock } = fakeHost({ ...NO_FAULTS }, 4 * GIB, {}, HISTORY_POLICY);
  const sizes = { baseline_bytes: 128 * MIB, increment_bytes: 64 * MIB, history: false };
  const memory = { ...sizes, grow_wait_ms: 2_000, expression: null };
  const spec = specOf('f', { mechanism: 'hotmem', limit_bytes: GIB, memory });
  await clock.until(agent.deploy(spec));
  t.is(functionRow(agent.state.functions.get('f') ?? t.fail(), [], 0).spans, null);
  const work = { ...WORK, phases: [{ at_ms: 1, anonymous_bytes: 300 * MIB }], wall_ms: 60_000 };
  const reply = agent.invoke('f', 'x', emulated(work));
  await clock.advance(5_000);
  const told = () => {
    const fn = agent.state.functions.get('f') ?? t.fail();
    return functionRow(fn, [...agent.state.vms.values()], clock.nowMs()).memory ?? t.fail();
  };
  const before = told();
  t.like(before, { baseline_bytes: 128 * MIB, plugged_bytes: 320 * MIB, max_bytes: GIB });
  await clock.advance(10_000);
  const gib_s = ((320 - 128) / 1_024) * 10;
  t.true(Math.abs(told().above_gib_s - before.above_gib_s - gib_s) < 1e-9);
  const status = await clock.until(agent.status('f'));
  t.is(status.functions[0]?.memory?.above_gib_s, told().above_gib_s);
  await clock.until(reply);
  await clock.until(agent.stop(0));
});

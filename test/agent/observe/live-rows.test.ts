/** Rows of the live stream: whatever changes in a region is told, and what does not is not. */
import test from 'ava';
import { emulated } from '../../../agent/model/work.ts';
import { vmRow } from '../../../agent/observe/live/rows.ts';
import { MIB } from '../../../base/units.ts';
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

/** More instances than the VMM has devices: whole hosts over a guest that chooses what it moves. */
import test from 'ava';
import fc from 'fast-check';
import { sharesDevice } from '../../../agent/core/devices.ts';
import { GIB, MIB } from '../../../base/units.ts';
import { fakeHost } from '../../fakes/host.ts';
import { specOf, WORK } from '../core/world.ts';
import { holds } from '../../seed.ts';
import { emulated } from '../../../agent/model/work.ts';

const REGION = 128 * MIB;

type Move =
  | { readonly kind: 'invoke'; readonly wall_ms: number }
  | { readonly kind: 'advance'; readonly ms: number }
  | { readonly kind: 'drain' };

const move: fc.Arbitrary<Move> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('invoke' as const), wall_ms: fc.nat(400) }),
  },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('advance' as const), ms: fc.nat(600) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('drain' as const) }) },
);

test('instances on shared devices: every call is served, and the guest never has another choice', async (t) => {
  const plan = fc.record({
    devices_per_vm: fc.integer({ min: 1, max: 3 }),
    concurrency: fc.integer({ min: 2, max: 8 }),
    moves: fc.array(move, { maxLength: 40, size: 'max' }),
  });
  const property = fc.asyncProperty(plan, async ({ devices_per_vm, concurrency, moves }) => {
    const host = fakeHost({}, 8 * GIB, { devices_per_vm });
    const { agent, clock, hypervisor } = host;
    const spec = specOf('f', { mechanism: 'hotmem', concurrency, keep_alive_ms: 300 });
    await clock.until(agent.deploy(spec));
    const calls: Promise<{ readonly outcome: string }>[] = [];
    for (const one of moves) {
      if (one.kind === 'advance') await clock.advance(one.ms);
      else if (one.kind === 'drain') void agent.drain('f');
      else calls.push(agent.invoke('f', 'x', emulated({ ...WORK, wall_ms: one.wall_ms })));
    }
    await clock.advance(60_000);
    if (hypervisor.wrong_choices.length > 0) throw new Error(hypervisor.wrong_choices.join('\n'));
    for (const { outcome } of await Promise.all(calls)) if (outcome !== 'done') return false;
    if (hypervisor.pluggedBytes() !== 0) throw new Error('something is left plugged');
    await clock.until(agent.stop(1_000));
    return agent.grantedBytes() === 0;
  });
  await holds(t, property, { runs: 60 });
});

test('as many instances as regions run side by side on one device, each in its partition', async (t) => {
  const { agent, clock, hypervisor } = fakeHost({}, 8 * GIB, { devices_per_vm: 1 });
  const spec = specOf('f', { mechanism: 'hotmem', concurrency: 4, keep_alive_ms: 1_000 });
  await clock.until(agent.deploy(spec));
  const calls = Array.from({ length: 4 }, () =>
    agent.invoke('f', 'x', emulated({ ...WORK, wall_ms: 5_000 })),
  );
  await clock.advance(1_000);
  const [vm] = hypervisor.alive();
  t.is(vm?.handle.spec.devices.length, 1);
  const places = [...(vm?.guest.instances.values() ?? [])].map(({ region_pci }) => region_pci);
  t.deepEqual(
    places.toSorted((a, b) => a.localeCompare(b)),
    ['0000:00:10.0', '0000:00:10.0#1', '0000:00:10.0#2', '0000:00:10.0#3'],
  );
  t.is(hypervisor.pluggedBytes(), 4 * REGION);
  await clock.advance(10_000);
  for (const { outcome } of await Promise.all(calls)) t.is(outcome, 'done');
  t.is(hypervisor.pluggedBytes(), 0);
  t.deepEqual(hypervisor.wrong_choices, []);
  await clock.until(agent.stop(1_000));
});

test('a device of its own has the name of its region', (t) => {
  t.false(sharesDevice({ id: 'r0', device: 'r0' }));
  t.true(sharesDevice({ id: 'r0', device: 'd0' }));
});

/** What a guest needs of its ordinary memory before more is plugged, and what too little costs. */
import test from 'ava';
import { headroomNeeded } from '../../../agent/model/headroom.ts';
import { emulated } from '../../../agent/model/work.ts';
import { IDLE_STATS } from '../../../agent/testing/fake-words.ts';
import { GIB, MIB } from '../../../base/units.ts';
import { fakeHost } from '../../fakes/host.ts';
import { specOf, WORK } from '../core/world.ts';

for (const [mechanism, from_bytes, to_bytes, needed_mib] of [
  ['virtio-mem', 0, GIB, 18],
  ['hotmem', 0, GIB, 18],
  ['hotmem', GIB / 2, GIB, 9],
  ['numa', 0, GIB, 2],
  ['virtio-mem', GIB, GIB, 0],
] as const) {
  test(`${mechanism}, ${from_bytes / MIB} to ${to_bytes / MIB} MiB: ${needed_mib} MiB`, (t) => {
    const asked = { mechanism, region_pci: 'pci', from_bytes, to_bytes };
    t.is(headroomNeeded(asked, null) / MIB, needed_mib);
  });
}

test('a map that the guest has already is not needed again, whatever was plugged', (t) => {
  const counters = { used_bytes: 0, peak_bytes: 0, users: 0, plug_ns: 0, unplug_ns: 0 };
  const region = { region_pci: 'pci', plugged_bytes: GIB / 2, state: 'ready', ...counters };
  const sizes = { from_bytes: GIB / 2, to_bytes: GIB };
  for (const [map_bytes, needed_mib] of [
    [16 * MIB, 1],
    [12 * MIB, 5],
    [8 * MIB, 9],
  ] as const) {
    const stats = { ...IDLE_STATS, partitions: [{ ...region, map_bytes }] };
    const asked = { mechanism: 'hotmem', region_pci: 'pci', ...sizes } as const;
    t.is(headroomNeeded(asked, stats) / MIB, needed_mib);
  }
});

test('a plug of which a small guest would die is refused with its numbers, and harms nobody else', async (t) => {
  const { agent, hypervisor, clock } = fakeHost();
  await clock.until(agent.deploy(specOf('f', { limit_bytes: 512 * MIB, keep_alive_ms: 1e6 })));
  t.is((await clock.until(agent.invoke('f', 'x', emulated(WORK)))).outcome, 'done');
  const [vm] = hypervisor.alive();
  if (vm) vm.guest.available_bytes = 12 * MIB;
  await clock.until(agent.status('f'));
  const calls = ['y', 'z'].map((id) => agent.invoke('f', id, emulated({ ...WORK, wall_ms: 50 })));
  const [warm, cold] = await clock.until(Promise.all(calls));
  t.is(warm?.outcome, 'done', 'the one that is there serves');
  t.like(cold, { outcome: 'failed', error_code: 'HP_AGENT_GUEST_HEADROOM' });
  t.regex(cold?.reason ?? '', /9 MiB.* to take up 512 MiB in r1, and has 4 MiB/);
  t.is((await clock.until(agent.invoke('f', 'w', emulated(WORK)))).outcome, 'done');
  await clock.until(agent.stop(0));
});

/** What is asked of a guest about itself: as little as the records need, and never more at once. */
import test from 'ava';
import {
  GuestFigures,
  type Figures,
  type FigureSelection,
} from '../../../agent/observe/guest-figures.ts';
import type { Operation } from '../../../agent/model/records.ts';
import type { GuestStats } from '../../../guest/protocol/protocol.ts';
import { GIB, MIB } from '../../../base/units.ts';
import { waitFor } from '../../../base/wait.ts';
import { fakeHost } from '../../fakes/host.ts';
import { specOf, WORK } from '../core/world.ts';
import { IDLE_STATS } from '../../../agent/testing/fake-words.ts';
import { emulated } from '../../../agent/model/work.ts';

interface Asked {
  readonly selection: FigureSelection;
  readonly answer: (...partitions: readonly (readonly [string, number])[]) => Promise<void>;
  readonly fail: (error: Error) => Promise<void>;
}

/** A guest whose answers the test gives. */
function guestOf(): { readonly asked: Asked[]; readonly figures: GuestFigures } {
  const asked: Asked[] = [];
  const figures = new GuestFigures((selection) => {
    const { promise, resolve, reject } = Promise.withResolvers<Figures>();
    asked.push({
      selection,
      answer: async (...partitions) => {
        resolve({ stats: statsOf(asked.length, partitions), taken_at_ms: 1 });
        await settled();
      },
      fail: async (error) => {
        reject(error);
        await settled();
      },
    });
    return promise;
  });
  return { asked, figures };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function statsOf(
  pages_migrated: number,
  partitions: readonly (readonly [string, number])[],
): GuestStats {
  const rest = { used_bytes: 0, peak_bytes: 0, users: 0, state: 'ready', plug_ns: 0, unplug_ns: 0 };
  return {
    ...IDLE_STATS,
    taken_at_ms: 1,
    partitions: partitions.map(([region_pci, plugged_bytes]) => {
      return { region_pci, plugged_bytes, map_bytes: 0, ...rest };
    }),
    pages_migrated,
  };
}

test('one region is asked for at once, and nothing else with it', async (t) => {
  const { asked, figures } = guestOf();
  const one = figures.region('a');
  t.deepEqual(
    asked.map(({ selection }) => selection),
    [['a']],
  );
  await asked[0]?.answer(['a', 7]);
  t.is((await one).stats.partitions[0]?.plugged_bytes, 7);
});

test('what is asked while an answer is on its way goes together into the next request', async (t) => {
  const { asked, figures } = guestOf();
  const first = figures.counters();
  t.is(figures.counters(), first, 'counters on their way serve whoever asks next');
  const later = Promise.all(['a', 'b', 'a'].map((region_pci) => figures.region(region_pci)));
  t.is(asked.length, 1);
  await asked[0]?.answer();
  t.deepEqual(
    asked.map(({ selection }) => selection),
    [[], ['a', 'b']],
  );
  await asked[1]?.answer(['a', 1], ['b', 2]);
  for (const { stats } of await later) t.is(stats.partitions.length, 2);
});

test('a request that fails is told to those who asked, and the next one is sent all the same', async (t) => {
  const { asked, figures } = guestOf();
  const first = t.throwsAsync(figures.region('a'), { message: 'late' });
  const second = figures.region('b');
  await asked[0]?.fail(new Error('late'));
  await first;
  await asked[1]?.answer(['b', 2]);
  t.is((await second).stats.partitions[0]?.region_pci, 'b');
});

test('the newest of every region is known together; one the guest does not tell is forgotten', async (t) => {
  const { asked, figures } = guestOf();
  t.is(figures.known, null);
  const known = (): unknown =>
    figures.known?.partitions.map((one) => [one.region_pci, one.plugged_bytes]);
  const all = figures.many('partitions');
  await asked[0]?.answer(['a', 1], ['b', 2]);
  await all;
  void figures.region('a');
  await asked[1]?.answer(['a', 5]);
  t.deepEqual(known(), [
    ['b', 2],
    ['a', 5],
  ]);
  void figures.region('b');
  await asked[2]?.answer();
  t.deepEqual(known(), [['a', 5]]);
  t.is(figures.known?.pages_migrated, 3);
});

test('what is told again is not held anew, and what has changed is', async (t) => {
  const { asked, figures } = guestOf();
  const tell = async (...told: readonly (readonly [string, number])[]) => {
    const all = figures.many('all');
    await asked.at(-1)?.answer(...told);
    await all;
    return figures.known?.partitions ?? [];
  };
  const before = await tell(['a', 1], ['b', 2]);
  const again = await tell(['a', 1], ['b', 2]);
  t.is(again, before);
  const after = await tell(['a', 1], ['b', 3]);
  t.deepEqual(
    after.map(({ plugged_bytes }) => plugged_bytes),
    [1, 3],
  );
  t.is(after[0], before[0]);
  t.deepEqual(
    before.map(({ plugged_bytes }) => plugged_bytes),
    [1, 2],
    'what was known before is not changed',
  );
  const fewer = await tell(['b', 3]);
  t.deepEqual(fewer, [after[1]]);
});

test('an unplug reaches the VMM while the guest answers no statistics', async (t) => {
  const { clock, agent, hypervisor } = fakeHost();
  await clock.until(agent.deploy(specOf('f', { keep_alive_ms: 1_000 })));
  t.like(await clock.until(agent.invoke('f', 'one', emulated(WORK))), { outcome: 'done' });
  hypervisor.faults = {
    ...hypervisor.faults,
    guest: (type) => (type === 'stats' ? 'silent' : 'none'),
  };
  t.true(hypervisor.pluggedBytes() > 0);
  await clock.advance(1_100);
  t.is(hypervisor.pluggedBytes(), 0, 'a tenth of a second after the keep-alive, not ten seconds');
  await clock.until(agent.stop(0));
});

test('figures that come after the end of an operation are none of before it', async (t) => {
  const { clock, agent, hypervisor } = fakeHost();
  const watch = agent.watch({ memory_interval_ms: 60_000 });
  await clock.until(agent.deploy(specOf('f', { keep_alive_ms: 1_000 })));
  await clock.until(agent.invoke('f', 'one', emulated(WORK)));
  const [vm] = hypervisor.vms;
  const { faults } = hypervisor;
  hypervisor.faults = { ...faults, guest: (type) => (type === 'stats' ? 'slow' : 'none') };
  // Asked for at 1 s, told at 6 s and 11 s: what moved in between is not the unplug's.
  await clock.advance(8_000);
  if (vm) vm.guest.pages_migrated = 9;
  await clock.advance(30_000);
  await clock.until(agent.stop(0));
  const unplugs: Operation[] = [];
  for await (const { operation } of watch)
    if (operation?.kind === 'unplug') unplugs.push(operation);
  t.is(unplugs.length, 1);
  t.like(unplugs[0], { outcome: 'done', pages_migrated: null });
});

test('plug and unplug ask for their own region only, in a guest of many', async (t) => {
  const { clock, agent, hypervisor } = fakeHost();
  await clock.until(agent.deploy(specOf('f', { concurrency: 64, keep_alive_ms: 1_000 })));
  const guest = hypervisor.vms[0]?.guest;
  const at_boot = guest?.stats_asked.length ?? 0;
  await clock.until(agent.invoke('f', 'one', emulated(WORK)));
  await clock.advance(2_000);
  const asked = guest?.stats_asked.slice(at_boot) ?? [];
  t.true(
    asked.length >= 3 && asked.length <= 4,
    `${asked.length} requests for a plug and an unplug`,
  );
  for (const regions of asked) t.true(regions !== null && regions.length <= 1);
  t.is(new Set(asked.flat()).size, 1);
  await clock.until(agent.stop(0));
});

for (const old_guests of [false, true]) {
  const which = old_guests ? 'a guest that knows no selection' : 'a guest of today';
  test(`${which}: the record of an operation tells what the guest counts of its region`, async (t) => {
    const { clock, agent } = fakeHost({}, 8 * GIB, { old_guests });
    const watch = agent.watch({ memory_interval_ms: 60_000 });
    await clock.until(agent.deploy(specOf('f', { concurrency: 8 })));
    const calls = ['one', 'two'].map((id) => agent.invoke('f', id, emulated(WORK)));
    await clock.until(Promise.all(calls));
    await clock.until(agent.stop(0));
    const plugs: Operation[] = [];
    for await (const { operation } of watch) if (operation?.kind === 'plug') plugs.push(operation);
    t.is(plugs.length, 2);
    for (const plug of plugs) t.is(plug.guest_plugged_bytes, 128 * MIB);
  });
}

test('as many starts at once as a VM has regions are all served', async (t) => {
  const { clock, agent } = fakeHost({}, 64 * GIB);
  await clock.until(agent.deploy(specOf('f', { concurrency: 192 })));
  const calls = Array.from({ length: 192 }, (_, index) =>
    agent.invoke('f', `${index}`, emulated(WORK)),
  );
  const replies = await clock.until(Promise.all(calls));
  t.deepEqual(new Set(replies.map(({ outcome }) => outcome)), new Set(['done']));
  await clock.until(agent.stop(0));
});

test('a VM that nobody watches is not looked at for its operations', async (t) => {
  const { clock, agent, hypervisor } = fakeHost();
  await clock.until(agent.deploy(specOf('f', { keep_alive_ms: 500 })));
  const [vm] = hypervisor.vms;
  const at_boot = vm?.looks ?? 0;
  await clock.until(agent.invoke('f', 'one', emulated(WORK)));
  await clock.advance(2_000);
  t.is(vm?.looks, at_boot);
  const watch = agent.watch({ memory_interval_ms: 60_000 });
  const looked = (): true | null => ((vm?.looks ?? 0) > at_boot ? true : null);
  t.true(await clock.until(waitFor(looked, { clock, deadline_ms: 1_000 })));
  const before = vm?.looks ?? 0;
  await clock.until(agent.invoke('f', 'two', emulated(WORK)));
  await clock.advance(2_000);
  t.true((vm?.looks ?? 0) > before, 'a watcher is told of the memory after each operation');
  watch.close();
  await clock.until(agent.stop(0));
});

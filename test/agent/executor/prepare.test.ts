/** What stands plugged is prepared by its guest, through the real agent. */
import test from 'ava';
import { DEFAULT_POLICY } from '../../../agent/core/default-policy/policy.ts';
import { emulated } from '../../../agent/model/work.ts';
import { NO_VALUES } from '../../../agent/model/targets.ts';
import type { FakeFaults } from '../../../agent/testing/fake-hypervisor.ts';
import { GIB } from '../../../base/units.ts';
import { waitFor } from '../../../base/wait.ts';
import { FAKE_IMAGES, type FakeHost, fakeHost } from '../../fakes/host.ts';
import { specOf, WORK } from '../core/world.ts';

const IDENTITY = { kernel_variant: 'hotmem', kernel_key: 'k', rootfs_key: 'r' };

/** Two regions stand plugged in it. */
async function plugged(
  faults: Partial<FakeFaults> = {},
  prepare: boolean = true,
): Promise<FakeHost> {
  const images = {
    imageFor: async (spec: ReturnType<typeof specOf>) => ({
      ...(await FAKE_IMAGES.imageFor(spec)),
      identity: { ...IDENTITY, series_revision: '10' },
    }),
  };
  const host = fakeHost(faults, 8 * GIB, {}, DEFAULT_POLICY, { images, bounds: { prepare } });
  const { agent, clock } = host;
  await clock.until(agent.deploy(specOf('f', { mechanism: 'hotmem', concurrency: 4 })));
  const who = { author: 'test', reason: '', for_ms: null, revision: null };
  const values = { ...NO_VALUES, reserve: 2 };
  await clock.until(agent.operator.setTargets({ function: 'f', values, ...who }));
  const ready = (): true | null => {
    const regions = [...agent.state.vms.values()].flatMap((vm) => vm.regions);
    return regions.filter((one) => one.ready).length === 2 ? true : null;
  };
  await clock.until(waitFor(ready, { clock, deadline_ms: 60_000 }));
  await clock.advance(1_000);
  return host;
}

const asked = ({ hypervisor }: FakeHost): number =>
  hypervisor.vms[0]?.guest.seen.filter((one) => one === 'prepare').length ?? 0;

const refusesToPrepare = (request: string): 'refuse' | 'none' =>
  request === 'prepare' ? 'refuse' : 'none';

test('its guest is asked once for each region', async (t) => {
  const host = await plugged();
  t.is(asked(host), 2);
  await host.clock.until(host.agent.stop(0));
});

test('none is asked where the operator says so, and the rung is not offered', async (t) => {
  const host = await plugged({}, false);
  t.is(asked(host), 0);
  const { functions } = await host.clock.until(host.agent.status('f'));
  const told = functions[0]?.rungs.map(({ rung, have }) => `${rung} ${have}`) ?? [];
  t.deepEqual(told.slice(1, 3), ['plugged 2', 'populated null']);
  await host.clock.until(host.agent.stop(0));
});

test('what it has prepared is told as populated, and its word is not taken twice', async (t) => {
  const host = await plugged();
  const rungs = async () => {
    const { functions } = await host.clock.until(host.agent.status('f'));
    return functions[0]?.rungs.map(({ rung, have }) => `${rung} ${have}`) ?? [];
  };
  t.deepEqual((await rungs()).slice(1, 3), ['plugged 0', 'populated 2']);
  const [vm] = host.hypervisor.vms;
  const [region] = vm?.guest.prepared ?? [];
  vm?.guest.say({ type: 'prepared', region_pci: region ?? '', ready_bytes: 0, at_ms: 1 });
  await host.clock.advance(100);
  t.deepEqual((await rungs()).slice(1, 3), ['plugged 0', 'populated 2'], 'nobody asked');
  await host.clock.until(host.agent.stop(0));
});

test('a guest that does not prepare is told of in the log, and serves', async (t) => {
  const host = await plugged({ guest: refusesToPrepare });
  t.is(asked(host), 2);
  t.true(host.log.some((line) => line.includes('the guest does not prepare a region')));
  const reply = await host.clock.until(host.agent.invoke('f', 'one', emulated(WORK)));
  t.like(reply, { outcome: 'done' });
  await host.clock.until(host.agent.stop(0));
});

/** That plugged memory has its pages of the host at once: asked of the driver by the real agent. */
import test from 'ava';
import { GIB } from '../../../base/units.ts';
import { type FakeHost, fakeHost } from '../../fakes/host.ts';
import { specOf } from '../core/world.ts';

const LACKING = 'what is plugged here gets its pages of the host as they are touched';

/** Of a host with one VM; `can`: its driver is able to. */
async function deployed(populate_plugged: boolean, can: boolean): Promise<FakeHost> {
  const options = { populates_plugged: can };
  const host = fakeHost({}, 8 * GIB, options, undefined, { populate_plugged });
  await host.clock.until(host.agent.deploy(specOf('f')));
  return host;
}

for (const [what, asked, can, is_lacking] of [
  ['asked for, and had', true, true, false],
  ['asked for where a driver cannot, which is told', true, false, true],
  ['not asked for, and not missed', false, false, false],
] as const) {
  test(`it is ${what}`, async (t) => {
    const host = await deployed(asked, can);
    const [vm] = host.hypervisor.vms;
    t.is(vm?.handle.spec.populate, asked ? true : undefined);
    t.is(vm?.populates_plugged, asked && can);
    t.is(host.log.filter((line) => line.includes(LACKING)).length, is_lacking ? 1 : 0);
    await host.clock.until(host.agent.stop(0));
  });
}

/** The target of a moment, by which a guest is made to look again at the one it has. */
import test from 'ava';
import { MIB } from '../../../base/units.ts';
import { nudgeBytes } from '../../../hypervisor-client/cloud-hypervisor/driver/memory.ts';
import { deviceOf } from '../../../hypervisor-client/spec.ts';

const REGION = 128 * MIB;
const OWN = deviceOf({ id: 'own', max_bytes: REGION, initial_bytes: 0 });
const SHARED = {
  id: 'shared',
  guest_node: null,
  regions: ['a', 'b', 'c'].map((id) => ({ id, max_bytes: REGION, initial_bytes: 0 })),
};

/** `wanted`, `plugged`: regions. */
for (const [what, device, { wanted, plugged }, other] of [
  ['an unplug of several that waits', SHARED, { wanted: 1, plugged: 2 }, 2 * REGION],
  ['a plug of several that waits', SHARED, { wanted: 2, plugged: 1 }, REGION],
  ['what arrived meanwhile', SHARED, { wanted: 2, plugged: 2 }, null],
  ['the last of several', SHARED, { wanted: 0, plugged: 1 }, REGION],
  ['a region of its own', OWN, { wanted: 0, plugged: 1 }, 2 * MIB],
  ['one that is to be full', OWN, { wanted: 1, plugged: 0 }, REGION - 2 * MIB],
] as const) {
  test(`a guest is asked again: ${what}`, (t) => {
    const entry = {
      max_bytes: device.regions.length * REGION,
      plugged_bytes: plugged * REGION,
    };
    t.is(nudgeBytes(device, wanted * REGION, entry), other);
  });
}

/** The conformance suite on the driver for Cloud Hypervisor with the fake behind it. */
import test from 'ava';
import { FAKE } from '../../../hypervisor-client/testing/conformance/profiles.ts';
import { conformance } from '../../../hypervisor-client/testing/conformance/suite.ts';
import { fakeHost, fakePartitions, takeFakeGuest } from './fake-target.ts';

const host = await fakeHost();
const driver = host.driver({ guest: { boot_ms: 2_000 } });

test.after.always('the folder of the fake is gone', async () => {
  await host.cleanUp();
});

conformance(test, {
  profile: FAKE,
  hypervisor: () => driver,
  image: async () => await host.image(),
  guest: takeFakeGuest,
  tap: async () => 'hp0',
  partitions: fakePartitions(host),
  vcpus: 1,
  backing: 'anonymous',
  many_regions: 28,
  resize_ms: 10_000,
});

/** The conformance suite on QEMU, and what only QEMU must show. */
import test from 'ava';
import { QemuDriver } from '../../../hypervisor-client/qemu/driver.ts';
import { conformanceImage } from './guest-image.ts';
import { partitionImage, takePartitionGuest } from './partition-guest.ts';
import { QEMU } from '../../../hypervisor-client/testing/conformance/profiles.ts';
import { takeGuest } from '../../../hypervisor-client/testing/conformance/guest/hand.ts';
import { tapMaker } from './taps.ts';
import { conformance } from '../../../hypervisor-client/testing/conformance/suite.ts';

const driver = new QemuDriver();

conformance(test, {
  profile: QEMU,
  hypervisor: () => driver,
  image: conformanceImage,
  guest: takeGuest,
  tap: tapMaker(test),
  partitions: { image: partitionImage, guest: takePartitionGuest },
  vcpus: 2,
  backing: 'anonymous',
  many_regions: 32,
  resize_ms: 60_000,
});

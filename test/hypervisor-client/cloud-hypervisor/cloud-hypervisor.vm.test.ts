/** The conformance suite on the real server, where CLOUD_HYPERVISOR names it and KVM can run it. */
import test from 'ava';
import { probeAccelerator } from '../../../hypervisor-client/host/accelerator.ts';
import { CloudHypervisorDriver } from '../../../hypervisor-client/cloud-hypervisor/index.ts';
import { conformanceImage } from '../conformance/guest-image.ts';
import { CLOUD_HYPERVISOR } from '../../../hypervisor-client/testing/conformance/profiles.ts';
import { partitionImage, takePartitionGuest } from '../conformance/partition-guest.ts';
import { takeGuest } from '../../../hypervisor-client/testing/conformance/guest/hand.ts';
import { tapMaker } from '../conformance/taps.ts';
import { conformance } from '../../../hypervisor-client/testing/conformance/suite.ts';
import { BINARY, MISSING } from './binary.ts';

const { accelerator, reason } = await probeAccelerator();

if (BINARY === '' || accelerator !== 'kvm') {
  const why = BINARY === '' ? MISSING : `skipped: no KVM to run an ordinary guest: ${reason}`;
  console.log(why);
  test.skip(`cloud-hypervisor: the conformance suite (${why})`, (t) => t.fail(why));
} else {
  const driver = new CloudHypervisorDriver({ command: [BINARY] });
  conformance(test, {
    profile: CLOUD_HYPERVISOR,
    hypervisor: () => driver,
    image: conformanceImage,
    guest: takeGuest,
    tap: tapMaker(test),
    partitions: { image: partitionImage, guest: takePartitionGuest },
    vcpus: 1,
    backing: 'anonymous',
    many_regions: 16,
    resize_ms: 60_000,
  });
}

import { FakeHypervisor } from '../../agent/testing/fake-hypervisor.ts';
import { hostClock } from '../../base/clock.ts';
import type { Driver } from '../../hypervisor-client/drivers.ts';

/** VMs of paper: they plug at once. */
class PaperHypervisor extends FakeHypervisor {
  override readonly kind = 'paper';
}

export const PAPER_DRIVER: Driver = {
  name: 'paper',
  open: async () => new PaperHypervisor(hostClock, undefined, { resize_ms: 0 }),
};

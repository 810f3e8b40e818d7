/**
 * A simulated host on which long calls go on until the test says so, however late anybody looks. No
 * timer of them keeps the process of the tests.
 */
import { FakeHypervisor } from '../../../agent/testing/fake-hypervisor.ts';
import { hostClock } from '../../../base/clock.ts';

/** What such a call says it takes; what says that it takes longer never ends. */
export const HELD_MS = 100_000;

export interface HeldHost {
  readonly hypervisor: FakeHypervisor;
  /** Lets all of them end. */
  readonly release: () => void;
}

export function heldHost(): HeldHost {
  const over = Promise.withResolvers<void>();
  const hypervisor = new FakeHypervisor({
    ...hostClock,
    sleep: async (ms, signal) => {
      // What is left of it after what the guest did before.
      if (ms < HELD_MS / 2) return await hostClock.sleep(ms, signal);
      return await (ms <= HELD_MS ? over.promise : new Promise(() => undefined));
    },
  });
  return { hypervisor, release: () => over.resolve() };
}

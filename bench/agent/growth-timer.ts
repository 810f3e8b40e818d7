/**
 * Times growths between a model of a guest and a model of its VM: from the word of somebody who
 * waits until the request, and how long of it the agent's thread was kept from a CPU by others.
 */
import { z } from 'zod';
import type { FakeVm } from '../../agent/testing/fake-hypervisor.ts';
import { hostClock } from '../../base/clock.ts';
import { readThreadTime } from '../thread-time.ts';
import type { GrowthTime } from './child-messages.ts';

const wordSchema = z.object({
  type: z.literal('memory'),
  region_pci: z.string(),
  want_bytes: z.number().positive(),
});

interface Moment {
  readonly at_ms: number;
  readonly starved_ms: number | null;
}

const now = (): Moment => ({
  at_ms: hostClock.nowMs(),
  starved_ms: readThreadTime('self')?.starved_ms ?? null,
});

/** `onGrowth` is told of each growth that somebody waited for, when it is asked of the VM. */
export function timeGrowths(vm: FakeVm, onGrowth: (time: GrowthTime) => void): void {
  const waiting = new Map<string, Moment>();
  /** Regions that are being plugged: who waits on there says so again afterwards. */
  const growing = new Set<string>();
  // Each is a device of its own, whose address is the guest's name of it.
  const addresses = new Map(vm.regions.map(({ id, pci_address }) => [id, pci_address]));
  const say = vm.guest.say.bind(vm.guest);
  vm.guest.say = (message) => {
    const { data: word } = wordSchema.safeParse(message);
    const region_pci = word?.region_pci ?? '';
    if (word && !growing.has(region_pci) && !waiting.has(region_pci)) {
      waiting.set(region_pci, now());
    }
    say(message);
  };
  const resizeRegion = vm.resizeRegion.bind(vm);
  vm.resizeRegion = async (id, bytes, options) => {
    const region_pci = addresses.get(id) ?? '';
    const said = waiting.get(region_pci);
    if (options.known_bytes === undefined || !said) return await resizeRegion(id, bytes, options);
    const asked = now();
    waiting.delete(region_pci);
    growing.add(region_pci);
    const known = said.starved_ms !== null && asked.starved_ms !== null;
    onGrowth({
      own_ms: asked.at_ms - said.at_ms,
      starved_ms: known ? (asked.starved_ms ?? 0) - (said.starved_ms ?? 0) : null,
    });
    return await resizeRegion(id, bytes, options).finally(() => growing.delete(region_pci));
  };
}

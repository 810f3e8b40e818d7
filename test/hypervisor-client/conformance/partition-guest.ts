/**
 * A real guest with partitions: the project's own kernel and init, spoken to by the guest protocol.
 */
import { z } from 'zod';
import { GuestChannel } from '../../../guest/protocol/channel.ts';
import { regionAddress, startedSchema, stoppedSchema } from '../../../guest/protocol/protocol.ts';
import { hostClock } from '../../../base/clock.ts';
import { isHotplaneError } from '../../../base/errors.ts';
import { MIB } from '../../../base/units.ts';
import type { Region, Vm } from '../../../hypervisor-client/vm.ts';
import { ensureGuest, guestKernelArguments } from '../../../images/index.ts';
import type {
  TargetImage,
  PartitionHand,
} from '../../../hypervisor-client/testing/conformance/target.ts';
import { emulated } from '../../../agent/model/work.ts';

const HELLO_MS = 240_000;
const ASK_MS = 60_000;
const TOUCHED_BYTES = 16 * MIB;
/** Of a region, for stack and page tables. */
const LEFT_BYTES = 16 * MIB;
/** What the emulated function says of a page with something in it. */
const NOT_ZERO = 'was not zero when fresh';

export async function partitionImage(regions_per_device: number): Promise<TargetImage> {
  const { kernel_path, initrd_path } = await ensureGuest({ variant: 'hotmem' });
  const kernel_arguments = guestKernelArguments({
    partitions: regions_per_device,
    init_on_alloc: false,
    guest_huge_pages: false,
  });
  return { kernel_path, initrd_path, kernel_arguments };
}

/** Connects and waits until the guest says hello. */
export async function takePartitionGuest(vm: Vm): Promise<PartitionHand> {
  const channel = new GuestChannel({
    vm_id: vm.id,
    stream: await vm.guestChannel(),
    clock: hostClock,
    onExit: () => undefined,
    onClosed: () => undefined,
  });
  const stop = hostClock.timer(HELLO_MS, () => channel.close());
  await channel.hello.finally(stop);
  return {
    occupy: async (region) => await occupy(channel, region),
    leave: async ({ id }) => {
      await channel.ask({ type: 'stop', instance: id }, stoppedSchema, ASK_MS);
    },
    bytes: {
      trust: async () => {
        await channel.ask({ type: 'trust', plugged_reads_zero: true }, z.unknown(), ASK_MS);
      },
      fill: async (region) => await fill(channel, region),
    },
  };
}

async function occupy(channel: GuestChannel, region: Region): Promise<void> {
  await start(channel, region, {});
  await touch(channel, region, TOUCHED_BYTES);
}

/** The program writes to each page, and looks at every byte of it that it did not write. */
async function fill(channel: GuestChannel, region: Region): Promise<boolean> {
  await start(channel, region, { HOTPLANE_CHECK: 'full' });
  try {
    await touch(channel, region, region.max_bytes - LEFT_BYTES);
    return true;
  } catch (error) {
    if (isHotplaneError(error) && error.message.includes(NOT_ZERO)) return false;
    throw error;
  }
}

async function start(
  channel: GuestChannel,
  region: Region,
  env: Readonly<Record<string, string>>,
): Promise<void> {
  const request = {
    type: 'start',
    instance: region.id,
    region_pci: regionAddress(region),
    attach: 'hotmem',
    guest_node: -1,
    attach_timeout_ms: 10_000,
    memory_max_bytes: 0,
    argv: [],
    env,
  } as const;
  await channel.ask(request, startedSchema, ASK_MS);
}

async function touch(
  channel: GuestChannel,
  region: Region,
  anonymous_bytes: number,
): Promise<void> {
  const work = { anonymous_bytes, file_bytes: 0, cpu_ms: 0, wall_ms: 0 };
  const { payload, content_type } = emulated(work);
  const about = { instance: region.id, content_type, payload_bytes: payload.length };
  await channel.ask({ type: 'invoke', ...about }, z.unknown(), ASK_MS, payload);
}

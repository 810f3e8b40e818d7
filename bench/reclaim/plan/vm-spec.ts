/** The VM of a cell as a hypervisor understands it. Pure. */
import { variantOf } from '../../../agent/model/guest-kernel.ts';
import { guestNodeOf } from '../../../agent/model/mechanism.ts';
import { guestKernelArguments } from '../../../images/kernel/arguments.ts';
import { deviceOf } from '../../../hypervisor-client/spec.ts';
import type { Accelerator, DeviceSpec, VmSpec } from '../../../hypervisor-client/vm.ts';
import type { Place } from '../measure/bench-vm.ts';
import { type Cell, mechanismOf } from './cell.ts';
import { BOOT_BYTES, type Layout, VCPUS } from './layout.ts';

export interface GuestFiles {
  readonly kernel_path: string;
  readonly initrd_path: string;
  readonly kernel_version: string;
}

export interface SpecContext {
  readonly id: string;
  readonly run_dir: string;
  readonly guest: GuestFiles;
  readonly accelerator: Accelerator | 'auto';
}

const NEIGHBOUR_REGION = 'neighbour';
const SHARED_REGION = 'shared';

export function vmSpecOf(cell: Cell, layout: Layout, context: SpecContext): VmSpec {
  const { guest } = context;
  return {
    id: context.id,
    run_dir: context.run_dir,
    kernel_path: guest.kernel_path,
    initrd_path: guest.initrd_path,
    kernel_arguments: [
      ...guestKernelArguments({
        partitions: mechanismOf(cell).partitions ? 'all' : 'none',
        init_on_alloc: cell.init_on_alloc,
        guest_huge_pages: cell.pages === 'huge',
      }),
      // The neighbour has the last CPU to itself, interrupts of devices go to the first.
      ...(cell.neighbour ? ['irqaffinity=0'] : []),
    ],
    vcpus: VCPUS,
    boot_bytes: BOOT_BYTES,
    devices: devicesOf(cell, layout),
    backing: cell.backing,
    accelerator: context.accelerator,
  };
}

/** Where the instance of a slot lives. */
export function placeOf(cell: Cell, layout: Layout, slot: number): Place {
  return place(cell, regionIdOf(layout, slot), slot);
}

export function neighbourPlace(cell: Cell, layout: Layout): Place {
  return place(cell, NEIGHBOUR_REGION, layout.slots.length);
}

export function regionIdOf(layout: Layout, slot: number): string {
  return layout.one_device ? SHARED_REGION : `r${slot}`;
}

function place(cell: Cell, region_id: string, index: number): Place {
  const mechanism = mechanismOf(cell);
  return { region_id, attach: mechanism.attach, guest_node: guestNodeOf(mechanism, index) ?? -1 };
}

function devicesOf(cell: Cell, layout: Layout): DeviceSpec[] {
  const mechanism = mechanismOf(cell);
  const region = (id: string, max_bytes: number, index: number): DeviceSpec =>
    deviceOf({ id, max_bytes, initial_bytes: 0 }, guestNodeOf(mechanism, index));
  const { slots, region_bytes, neighbour_bytes } = layout;
  const own = layout.one_device
    ? [region(SHARED_REGION, region_bytes * slots.length, 0)]
    : slots.map((_, slot) => region(regionIdOf(layout, slot), region_bytes, slot));
  if (neighbour_bytes === null) return own;
  return [...own, region(NEIGHBOUR_REGION, neighbour_bytes, slots.length)];
}

/** The kernel a cell needs: the one with the series, or the untouched one. */
export const variantFor = (cell: Pick<Cell, 'mechanism'>): 'hotmem' | 'stock' =>
  variantOf(mechanismOf(cell), 'untouched');

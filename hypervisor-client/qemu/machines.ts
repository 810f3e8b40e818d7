/** The machines that QEMU is here, by the guest's instruction set. Pure. */
import { emulatedCpu } from '../../base/emulated-cpu.ts';
import type { GuestArch } from '../../base/guest-arch.ts';

export interface QemuMachine {
  /** What distributions call the program. */
  readonly program: string;
  /** The Debian package that brings it. */
  readonly package: string;
  /** Value of `-machine`: with a root bus `pcie.0`, and nothing that the guest does not use. */
  readonly machine: string;
  /** The guest's name of the first serial port. */
  readonly console: string;
  /** What its kernel is told besides the console. */
  readonly kernel_arguments: readonly string[];
  /** Value of `-cpu` under TCG; `version` as {@link emulatedCpu} takes it. */
  readonly emulatedCpu: (version: string) => string;
}

export const QEMU_MACHINES: Readonly<Record<GuestArch, QemuMachine>> = {
  'x86-64': {
    program: 'qemu-system-x86_64',
    package: 'qemu-system-x86',
    machine: 'q35,usb=off,smm=off,graphics=off,sata=off,smbus=off',
    console: 'ttyS0',
    // An emulated CPU that the host keeps waiting sees no tick in time, and the kernel takes the
    // timer for broken and panics (arch/x86/kernel/apic/io_apic.c, check_timer).
    kernel_arguments: ['no_timer_check'],
    emulatedCpu,
  },
  arm64: {
    program: 'qemu-system-aarch64',
    package: 'qemu-system-arm',
    machine: 'virt,gic-version=3',
    console: 'ttyAMA0',
    kernel_arguments: [],
    emulatedCpu: () => 'max,pauth-impdef=on',
  },
};

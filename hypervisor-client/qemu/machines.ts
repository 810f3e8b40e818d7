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
  /** Value of `-cpu` under TCG; `version` as {@link emulatedCpu} takes it. */
  readonly emulatedCpu: (version: string) => string;
}

export const QEMU_MACHINES: Readonly<Record<GuestArch, QemuMachine>> = {
  'x86-64': {
    program: 'qemu-system-x86_64',
    package: 'qemu-system-x86',
    machine: 'q35,usb=off,smm=off,graphics=off,sata=off,smbus=off',
    console: 'ttyS0',
    emulatedCpu,
  },
  arm64: {
    program: 'qemu-system-aarch64',
    package: 'qemu-system-arm',
    machine: 'virt,gic-version=3',
    console: 'ttyAMA0',
    emulatedCpu: () => 'max,pauth-impdef=on',
  },
};

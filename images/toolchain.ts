/** What builds the kernel and the programs of a guest, by the guest's instruction set. */
import type { GuestArch } from '../base/guest-arch.ts';

export interface Toolchain {
  /** The C compiler, of kernel and programs. */
  readonly gcc: string;
  /** Debian packages that bring it, with a static C library. */
  readonly packages: string;
  /** Variables on the command line of the kernel's make. */
  readonly make_variables: readonly string[];
  /** What make is asked for. */
  readonly image_target: string;
  /** Folder of a built tree where that lies then. */
  readonly boot_dir: string;
}

/** x86-64 adds nothing to the commands: it is what hosts are, and takes their own tools. */
export const TOOLCHAINS: Readonly<Record<GuestArch, Toolchain>> = {
  'x86-64': {
    gcc: 'gcc',
    packages: 'gcc make libc6-dev',
    make_variables: [],
    image_target: 'bzImage',
    boot_dir: 'arch/x86/boot',
  },
  arm64: {
    gcc: 'aarch64-linux-gnu-gcc',
    packages: 'gcc-aarch64-linux-gnu libc6-dev-arm64-cross',
    make_variables: ['ARCH=arm64', 'CROSS_COMPILE=aarch64-linux-gnu-'],
    image_target: 'Image',
    boot_dir: 'arch/arm64/boot',
  },
};

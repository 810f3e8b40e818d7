/** A guest with a kernel of the series for its selftests: boots it and reads its console. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { ExecutionContext } from 'ava';
import { DEFAULT_ARCH, type GuestArch } from '../../base/guest-arch.ts';
import { MIB } from '../../base/units.ts';
import { QemuDriver } from '../../hypervisor-client/qemu/driver.ts';
import { readTail } from '../../hypervisor-client/host/log-tail.ts';
import type { Hypervisor, Vm } from '../../hypervisor-client/vm.ts';
import { deviceOf } from '../../hypervisor-client/spec.ts';
import { directory, file, writeCpio } from '../../images/rootfs/cpio.ts';
import { ensureGuest, guestKernelArguments } from '../../images/index.ts';
import { type BootedGuest, connectGuest } from '../images/booted-guest.ts';
import { ensureFilesProgram, FILES_NAME } from './files-program.ts';
import { qemuWith } from './qemu-with.ts';

const gzipAsync = promisify(gzip);

export const PARTITION_BYTES = 256 * MIB;
/** KUnit runs before the init of the debug kernel, and takes minutes. */
const HELLO_MS = { hotmem: 90_000, debug: 900_000 } as const;

export interface SelftestGuestOptions {
  readonly variant: 'hotmem' | 'debug';
  /** Default: x86-64. */
  readonly arch?: GuestArch;
  readonly init_on_alloc: boolean;
  readonly boot_bytes: number;
  /** Sizes of the devices, the first one at 0000:00:08.0, the next at 08.1. */
  readonly devices_bytes: readonly number[];
  /** What `hotmem=` says. */
  readonly hotmem: string;
  readonly kernel_arguments?: readonly string[];
  /** Behind those of the driver; `RUN_DIR` in them stands for the folder of the VM. */
  readonly qemu_arguments?: readonly string[];
  /** Default: QEMU, with `qemu_arguments`. */
  readonly hypervisor?: Hypervisor;
  /** Default: 2. */
  readonly vcpus?: number;
  /** Until its init says hello. Default: what the kernel takes under QEMU. */
  readonly hello_ms?: number;
}

export interface SelftestGuest {
  readonly vm: Vm;
  readonly run_dir: string;
  readonly agent: BootedGuest;
  /** All whole lines of the console so far. */
  lines(): Promise<readonly string[]>;
}

/** Boots it and waits for its init. Gone at the end of the test. */
export async function bootSelftestGuest(
  t: ExecutionContext,
  options: SelftestGuestOptions,
): Promise<SelftestGuest> {
  const run_dir = await mkdtemp(join(tmpdir(), 'hotplane-selftest-'));
  t.teardown(() => rm(run_dir, { recursive: true, force: true }));
  const { variant, arch = DEFAULT_ARCH } = options;
  const guest = await ensureGuest({ variant, arch });
  const hypervisor = options.hypervisor ?? (await qemuFor(run_dir, arch, options.qemu_arguments));
  const vm = await hypervisor.launch({
    id: 'selftest',
    run_dir,
    kernel_path: guest.kernel_path,
    initrd_path: await withFilesProgram(guest.initrd_path, run_dir, arch),
    kernel_arguments: [
      ...guestKernelArguments({
        partitions: 'none',
        init_on_alloc: options.init_on_alloc,
        guest_huge_pages: false,
      }),
      `hotmem=${options.hotmem}`,
      ...(options.kernel_arguments ?? []),
    ],
    vcpus: options.vcpus ?? 2,
    boot_bytes: options.boot_bytes,
    devices: options.devices_bytes.map((max_bytes, index) =>
      deviceOf({ id: `r${index}`, max_bytes, initial_bytes: 0 }),
    ),
    backing: 'anonymous',
    accelerator: 'auto',
  });
  t.teardown(() => vm.shutdown());
  const lines = async (): Promise<readonly string[]> =>
    (await readFile(vm.console_path, 'utf8')).split('\n').slice(0, -1);
  const agent = await connectGuest(vm, { hello_ms: options.hello_ms ?? HELLO_MS[variant] }).catch(
    async (error: unknown) => {
      t.log(`no hello; the console ends with:\n${await readTail(vm.console_path)}`);
      throw error;
    },
  );
  return { vm, run_dir, agent, lines };
}

async function qemuFor(
  run_dir: string,
  arch: GuestArch,
  words: readonly string[] = [],
): Promise<Hypervisor> {
  const extra = words.map((word) => word.replaceAll('RUN_DIR', run_dir));
  return new QemuDriver({ arch, program: await qemuWith(run_dir, extra, arch) });
}

/** The kernel unpacks one archive after the other. */
async function withFilesProgram(
  initrd_path: string,
  run_dir: string,
  arch: GuestArch,
): Promise<string> {
  const program = await readFile(await ensureFilesProgram(arch));
  const archive = writeCpio([directory('bin'), file(`bin/${FILES_NAME}`, program, 0o755)]);
  const path = join(run_dir, 'initrd.cpio.gz');
  await writeFile(path, Buffer.concat([await readFile(initrd_path), await gzipAsync(archive)]));
  return path;
}

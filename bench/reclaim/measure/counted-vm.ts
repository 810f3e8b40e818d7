/**
 * A small VM under counted instructions (`-icount`): its clock advances one nanosecond with every
 * instruction, so what its one process measures does not depend on the host's load. It says on its
 * console what it measured, and asks there for its region to be resized.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { emulatedCpu } from '../../../base/emulated-cpu.ts';
import { BENCH_LIMITS } from '../../limits.ts';
import { makeFolder } from '../../../base/make-folder.ts';
import { vmmEnvironment } from '../../../base/tool-environment.ts';
import { MIB } from '../../../base/units.ts';
import { QemuDriver, QmpClient } from '../../../hypervisor-client/index.ts';
import { guestKernelArguments } from '../../../images/kernel/arguments.ts';
import { rootfsEntries } from '../../../images/rootfs/rootfs.ts';
import { writeCpio } from '../../../images/rootfs/cpio.ts';
import { toolFailed } from '../../errors.ts';

const QEMU = 'qemu-system-x86_64';
const ORDINARY_BYTES = 512 * MIB;
const BOOT_BYTES = 512 * MIB;
/** What is migrated out of the region has to find room. */
const BOOT_BYTES_PRICES = 1536 * MIB;
const TAIL_LINES = 12;

export interface CountedRequest {
  readonly kernel_path: string;
  /** Size of the region if it shall be a partition; null: an ordinary region of 512 MiB. */
  readonly partition_bytes: number | null;
  /** Measures prices and a migration; the region is an ordinary one. */
  readonly prices?: boolean;
  /** The process, static (guest/off.c). */
  readonly program: string;
  readonly parent_dir: string;
  readonly signal?: AbortSignal;
}

/** What it said: `bench-off NAME VALUE`. */
export interface CountedFigure {
  readonly name: string;
  readonly value: number;
}

/** Boots, lets it measure, and returns its figures in order. Nothing is left running. */
export async function runCounted(request: CountedRequest): Promise<CountedFigure[]> {
  await makeFolder(request.parent_dir, { mode: 0o700 });
  const dir = await mkdtemp(join(request.parent_dir, 'counted-'));
  try {
    const initrd = join(dir, 'initrd');
    const program = await readFile(request.program);
    await writeFile(initrd, writeCpio(rootfsEntries({ init: program })));
    return await runQemu(request, dir, initrd);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

async function runQemu(
  request: CountedRequest,
  dir: string,
  initrd: string,
): Promise<CountedFigure[]> {
  const qmp_path = join(dir, 'qmp.sock');
  const { version } = await new QemuDriver({ program: QEMU }).probe();
  const child = spawn(QEMU, countedArguments(request, initrd, qmp_path, version), {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: vmmEnvironment(),
  });
  const ended = new Promise<void>((resolve) => {
    child.once('close', () => resolve());
    child.once('error', () => resolve());
  });
  const limit = AbortSignal.timeout(BENCH_LIMITS.counted_ms);
  const stop = request.signal ? AbortSignal.any([request.signal, limit]) : limit;
  const kill = () => child.kill('SIGKILL');
  stop.addEventListener('abort', kill, { once: true });
  const tail: string[] = [];
  child.stderr.on('data', (text: Buffer) => tail.push(String(text)));
  try {
    return await readFigures(
      createInterface({ input: child.stdout }),
      regionBytes(request),
      qmp_path,
      tail,
    );
  } catch (error) {
    request.signal?.throwIfAborted();
    throw toolFailed('the VM under counted instructions', tail.slice(-TAIL_LINES).join(' '), error);
  } finally {
    stop.removeEventListener('abort', kill);
    kill();
    await ended;
  }
}

async function readFigures(
  lines: AsyncIterable<string>,
  region_bytes: number,
  qmp_path: string,
  tail: string[],
): Promise<CountedFigure[]> {
  const figures: CountedFigure[] = [];
  let qmp: QmpClient | null = null;
  try {
    for await (const line of lines) {
      tail.push(line);
      const match = /bench-off ([a-z-]+) (\d+)/.exec(line);
      if (!match) continue;
      const figure = { name: match[1] ?? '', value: Number(match[2]) };
      if (figure.name === 'bye') return figures;
      if (figure.name.startsWith('want-')) {
        qmp ??= await QmpClient.connect(qmp_path);
        const value = figure.name === 'want-plug' ? region_bytes : 0;
        const property = { path: '/machine/peripheral/r0', property: 'requested-size', value };
        await qmp.execute('qom-set', property);
      } else figures.push(figure);
    }
    throw toolFailed('the VM under counted instructions', 'it ended before its last word');
  } finally {
    qmp?.close();
  }
}

function countedArguments(
  request: CountedRequest,
  initrd: string,
  qmp_path: string,
  version: string,
): string[] {
  const options = {
    partitions: request.partition_bytes === null ? 'none' : 'all',
    init_on_alloc: false,
    guest_huge_pages: false,
  } as const;
  const region_bytes = regionBytes(request);
  // The init finds what the kernel does not know in its environment.
  const own = [
    ...(request.partition_bytes === null ? [] : [`bench_mib=${region_bytes / MIB}`]),
    ...(request.prices ? ['bench_prices=1'] : []),
  ];
  const boot_bytes = request.prices ? BOOT_BYTES_PRICES : BOOT_BYTES;
  const memory = `${boot_bytes / MIB}M,maxmem=${boot_bytes + region_bytes}`;
  // Fixed addresses: page tables of the same shape in every boot.
  const words = ['console=ttyS0', 'quiet', 'norandmaps', ...guestKernelArguments(options), ...own];
  return [
    ['-nodefaults', '-no-user-config', '-no-reboot', '-display', 'none', '-serial', 'stdio'],
    ['-machine', 'q35,usb=off', '-accel', 'tcg,thread=single', '-smp', '1'],
    ['-cpu', emulatedCpu(version)],
    ['-icount', 'shift=0,sleep=on', '-m', memory],
    ['-kernel', request.kernel_path, '-initrd', initrd, '-append', words.join(' ')],
    ['-qmp', `unix:${qmp_path},server=on,wait=off`],
    ['-object', `memory-backend-ram,id=m0,size=${region_bytes}`],
    ['-device', 'virtio-mem-pci,id=r0,memdev=m0,requested-size=0'],
  ].flat();
}

const regionBytes = ({ partition_bytes }: CountedRequest): number =>
  partition_bytes ?? ORDINARY_BYTES;

/**
 * A small VM under counted instructions (`-icount`): its clock advances one nanosecond with every
 * instruction, so what its one process measures does not depend on the host's load. It says on its
 * console what it measured, and asks there for its region to be resized.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DEFAULT_ARCH, type GuestArch } from '../../../base/guest-arch.ts';
import { BENCH_LIMITS } from '../../limits.ts';
import { makeFolder } from '../../../base/make-folder.ts';
import { runTool, type ToolEnd } from '../../../base/run-tool.ts';
import { vmmEnvironment } from '../../../base/tool-environment.ts';
import { MIB } from '../../../base/units.ts';
import { QemuDriver, QmpClient } from '../../../hypervisor-client/index.ts';
import { QEMU_MACHINES } from '../../../hypervisor-client/qemu/machines.ts';
import { guestKernelArguments } from '../../../images/kernel/arguments.ts';
import { rootfsEntries } from '../../../images/rootfs/rootfs.ts';
import { writeCpio } from '../../../images/rootfs/cpio.ts';
import { toolFailed } from '../../errors.ts';

/** No more than the guest needs; figures of one machine are not those of another. */
const MACHINES: Readonly<Record<GuestArch, string>> = {
  'x86-64': 'q35,usb=off',
  arm64: QEMU_MACHINES.arm64.machine,
};
const ORDINARY_BYTES = 512 * MIB;
const BOOT_BYTES = 512 * MIB;
/** What is migrated out of the region has to find room. */
const BOOT_BYTES_PRICES = 1536 * MIB;
const TAIL_LINES = 12;

export interface CountedRequest {
  /** Of the guest. Default: x86-64. */
  readonly arch?: GuestArch | undefined;
  readonly kernel_path: string;
  /** Size of the region if it shall be a partition; null: an ordinary region of 512 MiB. */
  readonly partition_bytes: number | null;
  /**
   * What it does instead of what its region suggests. `prices`: prices and a migration, of an
   * ordinary region. `symbols`: tells where functions of its kernel are. `lock`: uses a partition
   * while a plugin watches its lock.
   */
  readonly ask?: 'prices' | 'symbols' | 'lock';
  /** Path and arguments of a plugin of QEMU's, as `-plugin` takes them; it says figures too. */
  readonly plugin?: string;
  /** The process, static (guest/off.c). */
  readonly program: string;
  readonly parent_dir: string;
  readonly signal?: AbortSignal | undefined;
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
  const { signal } = request;
  const qmp_path = join(dir, 'qmp.sock');
  const { arch = DEFAULT_ARCH } = request;
  const { version } = await new QemuDriver({ arch }).probe();
  const talk = new CountedTalk(qmp_path, regionBytes(request));
  const tail: string[] = [];
  try {
    const end = await runTool({
      command: [
        QEMU_MACHINES[arch].program,
        ...countedArguments(request, initrd, qmp_path, version),
      ],
      env: vmmEnvironment(),
      onLine: (line) => {
        tail.push(line);
        if (tail.length > TAIL_LINES) tail.shift();
        talk.take(line);
      },
      deadline_ms: BENCH_LIMITS.counted_ms,
      output_bytes: BENCH_LIMITS.console_bytes,
      grace_ms: 0,
      signal: signal ? AbortSignal.any([signal, talk.over]) : talk.over,
    });
    return await talk.figures(end);
  } catch (error) {
    signal?.throwIfAborted();
    throw toolFailed('the VM under counted instructions', tail.join(' '), error);
  } finally {
    talk.close();
  }
}

/** What is said on the console, and done at once when it asks for that. */
class CountedTalk {
  readonly #qmp_path: string;
  readonly #region_bytes: number;
  readonly #figures: CountedFigure[] = [];
  readonly #over = new AbortController();
  #qmp: QmpClient | null = null;
  #asked: Promise<void> = Promise.resolve();
  #said_bye = false;

  constructor(qmp_path: string, region_bytes: number) {
    this.#qmp_path = qmp_path;
    this.#region_bytes = region_bytes;
  }

  /** Aborted when there is nothing more to wait for: its last word, or a wish that failed. */
  get over(): AbortSignal {
    return this.#over.signal;
  }

  take(line: string): void {
    const match = /bench-off ([a-z-]+) (\d+)/.exec(line);
    if (!match) return;
    const figure = { name: match[1] ?? '', value: Number(match[2]) };
    if (figure.name === 'bye') {
      this.#said_bye = true;
      this.#over.abort();
    } else if (figure.name.startsWith('want-')) {
      this.#asked = this.#asked.then(() => this.#resize(figure.name === 'want-plug'));
      this.#asked.catch(() => this.#over.abort());
    } else this.#figures.push(figure);
  }

  /** All it said before its last word. Throws when a wish failed, or the last word is missing. */
  async figures(end: ToolEnd): Promise<CountedFigure[]> {
    if (this.#said_bye) return this.#figures;
    await this.#asked;
    throw new Error(
      end.how === 'late' ? 'it took too long' : `it ended before its last word (${end.how})`,
    );
  }

  close(): void {
    this.#qmp?.close();
  }

  async #resize(is_plug: boolean): Promise<void> {
    this.#qmp ??= await QmpClient.connect(this.#qmp_path);
    const value = is_plug ? this.#region_bytes : 0;
    const property = { path: '/machine/peripheral/r0', property: 'requested-size', value };
    await this.#qmp.execute('qom-set', property);
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
    ...(request.ask ? [`bench_${request.ask}=1`] : []),
  ];
  const boot_bytes = request.ask === 'prices' ? BOOT_BYTES_PRICES : BOOT_BYTES;
  const memory = `${boot_bytes / MIB}M,maxmem=${boot_bytes + region_bytes}`;
  // Fixed addresses: page tables of the same shape in every boot.
  const { arch = DEFAULT_ARCH } = request;
  const { console, emulatedCpu } = QEMU_MACHINES[arch];
  const words = [
    `console=${console}`,
    'quiet',
    'norandmaps',
    ...guestKernelArguments(options),
    ...own,
  ];
  return [
    ['-nodefaults', '-no-user-config', '-no-reboot', '-display', 'none', '-serial', 'stdio'],
    ['-machine', MACHINES[arch], '-accel', 'tcg,thread=single', '-smp', '1'],
    ['-cpu', emulatedCpu(version)],
    ['-icount', 'shift=0,sleep=on', '-m', memory],
    ['-kernel', request.kernel_path, '-initrd', initrd, '-append', words.join(' ')],
    ['-qmp', `unix:${qmp_path},server=on,wait=off`],
    ['-object', `memory-backend-ram,id=m0,size=${region_bytes}`],
    ['-device', 'virtio-mem-pci,id=r0,memdev=m0,requested-size=0'],
    request.plugin === undefined ? [] : ['-plugin', request.plugin],
  ].flat();
}

const regionBytes = ({ partition_bytes }: CountedRequest): number =>
  partition_bytes ?? ORDINARY_BYTES;

/** What does the work of a check: the image cache, VMs, and counted instructions. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isHotplaneError, messageOf } from '../../base/errors.ts';
import { DEFAULT_ARCH, type GuestArch } from '../../base/guest-arch.ts';
import { makeFolder } from '../../base/make-folder.ts';
import type { Progress } from '../../base/progress.ts';
import { openHypervisor, QemuDriver } from '../../hypervisor-client/index.ts';
import type { Hypervisor } from '../../hypervisor-client/vm.ts';
import { ensureGivenKernel, type GivenKernels } from '../../images/given-kernel.ts';
import type { BuiltKernel } from '../../images/kernel/manifest.ts';
import { SELFTEST_NAME } from '../../images/kernel/selftest.ts';
import { ensureRootfs } from '../../images/rootfs/rootfs.ts';
import { BENCH_LIMITS } from '../limits.ts';
import { median, rounded } from '../statistics.ts';
import { measureAttachedFaults, measureOff } from '../reclaim/measure/off.ts';
import { ensureCountedProgram } from '../reclaim/measure/programs.ts';
import { COST_METRICS, type CostLine } from '../reclaim/results/records.ts';
import type { BootFinding, CheckTools } from './check.ts';
import { bootGuest, type CheckedGuest, consoleOf } from './guest.ts';
import type { AttachedFigure, CostFigure } from './records.ts';
import { ObedientHand, runSelftest, type SelftestRun } from './selftest-run.ts';

export interface ToolOptions {
  readonly kernels: GivenKernels;
  readonly cache_dir: string;
  /** Of the VMs' folders: private, and gone at the end. */
  readonly parent_dir: string;
  readonly progress: Progress;
  /** Of `HOTMEM_CASES`; empty: all. */
  readonly cases: readonly string[];
  readonly jobs?: number;
  readonly signal?: AbortSignal;
}

const KEPT_CONSOLE_LINES = 40;

/** Opens the VMM at once: a host without one is told so before an hour of compiling. */
export async function openCheckTools(options: ToolOptions): Promise<CheckTools> {
  const { kernels, cache_dir, progress } = options;
  const { arch } = kernels.patched;
  const hypervisor =
    arch === DEFAULT_ARCH ? await openHypervisor('qemu') : new QemuDriver({ arch });
  await hypervisor.probe();
  const build = { cache_dir, progress, ...pickBuild(options) };
  return {
    build: async (side) => await ensureGivenKernel(kernels, kernels[side], build),
    boot: async (_, kernel) => await bootOnly(hypervisor, bootable(kernel), options),
    selftests: async (kernel) => await selftestsOf(hypervisor, kernel, options),
    costs: async (untouched, patched) => await costsOf(untouched, patched, options),
    attached: async (patched) => await attachedOf(patched, options),
  };
}

function pickBuild({ jobs, signal }: ToolOptions): { jobs?: number; signal?: AbortSignal } {
  return { ...(jobs === undefined ? {} : { jobs }), ...(signal ? { signal } : {}) };
}

/** A kernel that may be one of the cache, or one in its build folder. */
interface Bootable {
  readonly kernel_path: string;
  readonly selftest_path: string | null;
  readonly partition: boolean;
  readonly arch: GuestArch;
}

type BootOptions = Pick<ToolOptions, 'cache_dir' | 'parent_dir' | 'signal'>;

const bootable = ({ kernel_path, selftest_path, manifest }: BuiltKernel): Bootable => ({
  kernel_path,
  selftest_path,
  partition: manifest.variant !== 'stock',
  arch: manifest.arch,
});

/** Boots a kernel by its path, with no partition: whatever of the series it has. */
export async function openBoot(
  options: BootOptions,
): Promise<(kernel_path: string) => Promise<BootFinding>> {
  const hypervisor = await openHypervisor('qemu');
  await hypervisor.probe();
  return async (kernel_path) =>
    await bootOnly(
      hypervisor,
      { kernel_path, selftest_path: null, partition: false, arch: DEFAULT_ARCH },
      options,
    );
}

async function inGuest<T>(
  hypervisor: Hypervisor,
  kernel: Bootable,
  options: BootOptions,
  use: (guest: CheckedGuest) => Promise<T>,
): Promise<T> {
  const { cache_dir, parent_dir, signal } = options;
  const { selftest_path, arch } = kernel;
  const { initrd_path } = await ensureRootfs({
    cache_dir,
    arch,
    ...(signal ? { signal } : {}),
    ...(selftest_path ? { extra_programs: { [`bin/${SELFTEST_NAME}`]: selftest_path } } : {}),
  });
  const run_dir = runDir(options);
  await makeFolder(parent_dir, { mode: 0o700 });
  const guest = await bootGuest({
    hypervisor,
    kernel_path: kernel.kernel_path,
    initrd_path,
    run_dir,
    partition: kernel.partition,
    ...(signal ? { signal } : {}),
  });
  try {
    return await use(guest);
  } finally {
    await guest.close();
    await rm(run_dir, { recursive: true, force: true });
  }
}

const runDir = ({ parent_dir }: BootOptions): string => join(parent_dir, 'guest');

async function bootOnly(
  hypervisor: Hypervisor,
  kernel: Bootable,
  options: BootOptions,
): Promise<BootFinding> {
  try {
    return await inGuest(hypervisor, kernel, options, () => Promise.resolve({ up: true }));
  } catch (error) {
    options.signal?.throwIfAborted();
    // What the VMM or the host lacks is no fault of the kernel.
    if (!isHotplaneError(error) || !error.code.startsWith('HP_GUEST_')) throw error;
    const console_path = join(runDir(options), 'console.log');
    const text = await consoleOf({ console_path }).catch(() => '');
    await rm(runDir(options), { recursive: true, force: true });
    const lines = text.split('\n').filter((line) => line.trim() !== '');
    return { up: false, reason: messageOf(error), lines: lines.slice(-KEPT_CONSOLE_LINES) };
  }
}

async function selftestsOf(
  hypervisor: Hypervisor,
  kernel: BuiltKernel,
  options: ToolOptions,
): Promise<SelftestRun | null> {
  if (kernel.selftest_path === null) return null;
  const { cases, progress, signal } = options;
  const env = cases.length === 0 ? {} : { HOTMEM_CASES: cases.join(',') };
  return await inGuest(
    hypervisor,
    bootable(kernel),
    options,
    async (guest) =>
      await runSelftest(guest, new ObedientHand(guest.vm), {
        env,
        deadline_ms: BENCH_LIMITS.selftest_ms,
        onCase: ({ name, outcome }) => progress.update(`${name}: ${outcome}`),
        ...(signal ? { signal } : {}),
      }),
  );
}

/** The medians of one boot each: instructions do not drift. */
async function costsOf(
  untouched: BuiltKernel,
  patched: BuiltKernel,
  { cache_dir, parent_dir, progress, signal }: ToolOptions,
): Promise<readonly CostFigure[]> {
  const aborts = signal ? { signal } : {};
  const { arch } = patched.manifest;
  const lines: CostLine[] = [];
  await measureOff({
    stock_kernel: untouched.kernel_path,
    patched_kernel: patched.kernel_path,
    arch,
    program: await ensureCountedProgram({ cache_dir, arch, ...aborts }),
    parent_dir,
    round: 1,
    recorder: { cost: (line) => void lines.push(line) },
    say: (detail) => progress.update(`counted instructions, ${detail}`),
    ...aborts,
  });
  return costFigures(lines);
}

/** One boot more; a series without selftests of partitions is not ours. */
async function attachedOf(
  { kernel_path, selftest_path, manifest }: BuiltKernel,
  options: ToolOptions,
): Promise<readonly AttachedFigure[] | null> {
  if (selftest_path === null) return null;
  const { cache_dir, parent_dir, progress, signal } = options;
  const { arch } = manifest;
  const aborts = signal ? { signal } : {};
  const lines: CostLine[] = [];
  await measureAttachedFaults({
    patched_kernel: kernel_path,
    arch,
    program: await ensureCountedProgram({ cache_dir, arch, ...aborts }),
    parent_dir,
    round: 1,
    recorder: { cost: (line) => void lines.push(line) },
    say: (detail) => progress.update(detail),
    ...aborts,
  });
  return attachedFigures(lines);
}

/** Of what both processes had counted. Pure. */
function attachedFigures(lines: readonly CostLine[]): readonly AttachedFigure[] {
  return [...new Set(lines.map(({ threads }) => threads))].flatMap((threads) => {
    const [attached, unattached] = (['attached', 'unattached'] as const).map((variant) =>
      median(lines.filter((one) => one.variant === variant && one.threads === threads).map(nsOf)),
    );
    if (!attached || !unattached) return [];
    const percent = rounded((attached / unattached - 1) * 100);
    return [{ threads, unattached, attached, percent }];
  });
}

const nsOf = ({ ns }: CostLine): number => ns;

/** Of what was counted on both kernels. Pure. */
function costFigures(lines: readonly CostLine[]): readonly CostFigure[] {
  return COST_METRICS.flatMap((metric) => {
    const of = (variant: CostLine['variant']): number | null =>
      median(lines.filter((one) => one.metric === metric && one.variant === variant).map(nsOf));
    const [off, untouched] = [of('off'), of('untouched')];
    if (off === null || untouched === null || untouched === 0) return [];
    return [{ metric, untouched, off, percent: rounded((off / untouched - 1) * 100) }];
  });
}

/** The kernels and the root file system of a run, with the bench's own program inside. */
import type { Progress } from '../../../base/progress.ts';
import { ensureGuest } from '../../../images/index.ts';
import { compilerVersion } from '../../../images/rootfs/compiler.ts';
import { ensureRootfs } from '../../../images/rootfs/rootfs.ts';
import { INSTANCE_PROGRAM } from './bench-vm.ts';
import type { Plan } from '../plan/plan.ts';
import type { BenchManifest } from '../results/records.ts';
import { type BenchPrograms, ensurePrograms } from './programs.ts';
import { type GuestFiles, variantFor } from '../plan/vm-spec.ts';

type Variant = 'stock' | 'hotmem';

export interface BenchGuests {
  readonly programs: BenchPrograms;
  readonly files: ReadonlyMap<Variant, GuestFiles>;
  readonly kernel_version: string;
  readonly compiler: string;
  readonly kernels: BenchManifest['kernels'];
  readonly rootfs_key: string;
}

function variantsOf(plan: Plan): Variant[] {
  const wanted = new Set<Variant>();
  for (const { cell } of plan.blocks) wanted.add(variantFor(cell));
  if (plan.parts.includes('off')) wanted.add('stock').add('hotmem');
  if (plan.parts.includes('attached')) wanted.add('hotmem');
  return [...wanted];
}

export async function ensureBenchGuests(
  plan: Plan,
  options: {
    readonly cache_dir: string;
    readonly progress: Progress;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<BenchGuests> {
  const { cache_dir, progress } = options;
  const signal = options.signal ? { signal: options.signal } : {};
  const programs = await ensurePrograms({ cache_dir, ...signal });
  const inside = INSTANCE_PROGRAM.slice(1);
  const extra_programs = { [inside]: programs.instance_path };
  const { initrd_path, key: rootfs_key } = await ensureRootfs({
    cache_dir,
    extra_programs,
    ...signal,
  });
  const files = new Map<Variant, GuestFiles>();
  const kernels: BenchManifest['kernels'][number][] = [];
  for (const variant of variantsOf(plan)) {
    const guest = await ensureGuest({ variant, progress, cache_dir, ...signal });
    const { kernel_path, kernel_version } = guest;
    files.set(variant, { kernel_path, initrd_path, kernel_version });
    const { key, release, series_revision } = guest.manifest;
    kernels.push({ variant, key, release, series_revision });
  }
  const [first] = files.values();
  return {
    programs,
    files,
    kernel_version: first?.kernel_version ?? 'none',
    compiler: await compilerVersion(),
    kernels,
    rootfs_key,
  };
}

/** A whole run: images, blocks, floor, costs; then the summary and the report. */
import { observeLoad } from '../../autoscaler/replay/load-observer.ts';
import { loadBetween } from '../../autoscaler/replay/load.ts';
import { binaryOf, readProvenance } from '../../autoscaler/replay/provenance.ts';
import { hostClock } from '../../base/clock.ts';
import { describeError } from '../../base/errors.ts';
import { BENCH_LIMITS } from '../limits.ts';
import { jsonDocument } from '../../base/json.ts';
import { cacheDir, runtimeDir } from '../../base/paths.ts';
import { newOwnedFolder } from '../../base/owned-folder.ts';
import type { Progress } from '../../base/progress.ts';
import { formatMs, MIB } from '../../base/units.ts';
import { openHypervisor } from '../../hypervisor-client/index.ts';
import type { Capabilities, Hypervisor } from '../../hypervisor-client/vm.ts';
import { benchInterrupted, nothingMeasured } from '../errors.ts';
import { estimateBlockMs, estimatePlanMs, remainingMs } from './plan/estimate.ts';
import { BenchFolder } from './results/folder.ts';
import { ensureBenchGuests, type BenchGuests } from './measure/guests.ts';
import { availableBytes, readHost } from '../host.ts';
import { BOOT_BYTES, VCPUS } from './plan/layout.ts';
import type { Part } from './plan/options.ts';
import { type BlockPlan, type Plan, repetitionsOf } from './plan/plan.ts';
import { type BenchManifest, BENCH_SCHEMA_VERSION } from './results/records.ts';
import { renderReport } from './report/report.ts';
import { runStep, type BenchContext } from './steps.ts';
import { type BenchSummary, summarizeBench } from './report/summary.ts';

/** Part of the host's available memory that one VM may take. */
const MEMORY_SHARE = 0.6;
/** Two boots; the plan's estimate leaves them out. */
const PRICES_MS = 30_000;

export interface BenchRequest {
  readonly plan: Plan;
  readonly folder: string;
  readonly hotplane_version: string;
  readonly command: readonly string[];
  readonly progress: Progress;
  /** Called once with the plan's estimate, before the first VM starts. */
  readonly onPlan: (estimate_ms: number) => void;
  readonly signal?: AbortSignal | undefined;
}

export interface BenchResult {
  readonly manifest: BenchManifest;
  readonly summary: BenchSummary;
  readonly folder: string;
}

/** One thing to do; blocks and the other parts share progress and estimate. */
export type BenchStep =
  | { readonly kind: 'block'; readonly block: BlockPlan }
  | { readonly kind: Exclude<Part, 'reclaim'> | 'prices'; readonly round: number };

/**
 * All steps in order. Costs come once, after the first round: instructions do not drift. Under
 * emulation the prices of an estimate come first. Pure.
 */
export function stepsOf(plan: Plan, accelerator: 'kvm' | 'tcg'): BenchStep[] {
  const priced = accelerator === 'tcg' && plan.blocks.length > 0;
  return Array.from({ length: plan.rounds }, (_, index) => index + 1).flatMap((round) => [
    ...(priced && round === 1 ? [{ kind: 'prices', round } as const] : []),
    ...plan.blocks
      .filter((block) => block.round === round)
      .map((block) => ({ kind: 'block', block }) as const),
    ...(['off', 'attached', 'lock'] as const)
      .filter((part) => round === 1 && plan.parts.includes(part))
      .map((kind) => ({ kind, round })),
  ]);
}

export async function runBench(request: BenchRequest): Promise<BenchResult> {
  const { plan, progress, signal } = request;
  const cache_dir = cacheDir();
  const hypervisor = await openHypervisor('qemu');
  const capabilities = await hypervisor.probe();
  const guests = await ensureBenchGuests(plan, { cache_dir, progress, signal });
  const available_bytes = await availableBytes();
  const vm_memory_bytes =
    Math.floor(Math.min(BENCH_LIMITS.vm_bytes, available_bytes * MEMORY_SHARE) / MIB) * MIB;
  const started_ms = hostClock.nowMs();
  const begun = await firstManifest(request, capabilities, guests, vm_memory_bytes);
  const folder = new BenchFolder(request.folder);
  folder.write('manifest', jsonDocument(begun));
  request.onPlan(estimatePlanMs(plan, vm_memory_bytes));
  const owned = await newOwnedFolder(runtimeDir(), 'bench');
  const parent_dir = owned.path;
  const { accelerator } = capabilities;
  const context = {
    hypervisor,
    accelerator,
    guests,
    folder,
    vm_memory_bytes,
    started_ms,
    parent_dir,
    request,
  };
  const status = await runSteps(context);
  await owned.remove();
  const vmm_path = folder.data(begun).blocks.find((block) => block.vmm_path !== '')?.vmm_path;
  const manifest: BenchManifest = {
    ...begun,
    provenance: { ...begun.provenance, vmm_binary: await binaryOf(vmm_path ?? '') },
    status,
    duration_ms: Math.round(hostClock.nowMs() - started_ms),
  };
  const data = folder.data(manifest);
  const summary = summarizeBench(data);
  folder.write('manifest', jsonDocument(manifest));
  folder.write('summary', jsonDocument(summary));
  folder.write('report', renderReport(data, summary));
  if (status === 'interrupted') throw benchInterrupted(request.folder);
  if (summary.blocks.done === 0 && summary.blocks.failed > 0) {
    throw nothingMeasured(data.blocks[0]?.reason ?? '');
  }
  return { manifest, summary, folder: request.folder };
}

async function runSteps(parts: {
  readonly hypervisor: Hypervisor;
  readonly accelerator: Capabilities['accelerator'];
  readonly guests: BenchGuests;
  readonly folder: BenchFolder;
  readonly vm_memory_bytes: number;
  readonly started_ms: number;
  readonly parent_dir: string;
  readonly request: BenchRequest;
}): Promise<BenchManifest['status']> {
  const { request, vm_memory_bytes, folder } = parts;
  const { plan, progress, signal } = request;
  const steps = stepsOf(plan, parts.accelerator);
  const planned_ms = estimatePlanMs(plan, vm_memory_bytes);
  let finished_planned_ms = 0;
  const context: BenchContext = {
    ...parts,
    recorder: folder,
    plan,
    say: (detail) => progress.update(detail),
    signal,
  };
  const observer = observeLoad(hostClock);
  for (const [index, step] of steps.entries()) {
    if (signal?.aborted) break;
    const before = observer.look([process.pid]);
    const elapsed_ms = hostClock.nowMs() - parts.started_ms;
    const left_ms = remainingMs({ planned_ms, finished_planned_ms, elapsed_ms });
    progress.step(index + 1, steps.length, `${stepName(step)}, about ${formatMs(left_ms)} left`);
    try {
      await runStep(step, context);
    } catch (error) {
      if (signal?.aborted) break;
      progress.done(`${stepName(step)} failed: ${describeError(error)}`);
    }
    finished_planned_ms += plannedMs(step, plan, vm_memory_bytes);
    const after = observer.look([process.pid]);
    const at_ms = Math.round(after.at_ms - parts.started_ms);
    folder.load({ step: stepName(step), at_ms, ...loadBetween(before, after) });
  }
  observer.close();
  if (signal?.aborted) return 'interrupted';
  progress.done(`${steps.length} steps in ${formatMs(hostClock.nowMs() - parts.started_ms)}`);
  return 'complete';
}

function plannedMs(step: BenchStep, plan: Plan, memory_bytes: number): number {
  if (step.kind === 'block')
    return estimateBlockMs(step.block, repetitionsOf(step.block.cell, plan), memory_bytes);
  if (step.kind === 'prices') return PRICES_MS;
  return estimatePlanMs({ ...plan, blocks: [], rounds: 1, parts: [step.kind] }, memory_bytes);
}

function stepName(step: BenchStep): string {
  if (step.kind !== 'block') return `round ${step.round}: ${step.kind}`;
  const { cell, round } = step.block;
  const rest = cell.occupancy_percent === null ? 'full' : `${cell.occupancy_percent} %`;
  const more = [
    ...(cell.init_on_alloc ? ['init_on_alloc'] : []),
    ...(cell.pages === 'huge' ? ['huge'] : []),
    ...(cell.backing === 'memfd' ? ['memfd'] : []),
    ...(cell.neighbour ? ['neighbour'] : []),
  ];
  const words = [`${cell.region_bytes / MIB} MiB`, rest, ...more].join(' ');
  return `round ${round}: ${cell.mechanism}, ${words}`;
}

async function firstManifest(
  request: BenchRequest,
  capabilities: Capabilities,
  guests: BenchGuests,
  vm_memory_bytes: number,
): Promise<BenchManifest> {
  return {
    schema_version: BENCH_SCHEMA_VERSION,
    status: 'running',
    versions: {
      hotplane: request.hotplane_version,
      node: process.version,
      vmm: `${capabilities.vmm} ${capabilities.version}`,
      guest_kernel: guests.kernel_version,
      compiler: guests.compiler,
    },
    host: await readHost(),
    provenance: await readProvenance(),
    kernels: guests.kernels,
    rootfs_key: guests.rootfs_key,
    accelerator: capabilities.accelerator,
    vcpus: VCPUS,
    boot_bytes: BOOT_BYTES,
    vm_memory_bytes,
    command: request.command,
    plan: request.plan,
    started_at: new Date().toISOString(),
    duration_ms: 0,
  };
}

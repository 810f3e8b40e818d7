/** One step of a run: a block with the floor after it, or one of the cost parts. */
import { join } from 'node:path';
import { hostClock } from '../../base/clock.ts';
import { messageOf } from '../../base/errors.ts';
import { LIMITS } from '../../base/limits.ts';
import { BENCH_LIMITS } from '../limits.ts';
import { MIB } from '../../base/units.ts';
import { readTail } from '../../hypervisor-client/host/log-tail.ts';
import type { Hypervisor } from '../../hypervisor-client/vm.ts';
import { measureAttached } from './measure/attached.ts';
import { runBlock, takeTurns } from './measure/block.ts';
import { BASE_CONDITION, type Cell } from './plan/cell.ts';
import { toolFailed } from '../errors.ts';
import { measureFloor } from './measure/floor.ts';
import type { BenchGuests } from './measure/guests.ts';
import { fillBytes, cellLayoutOf } from './plan/layout.ts';
import { measureNeighbour } from './measure/neighbour.ts';
import { measurePartitions, measureOff } from './measure/off.ts';
import { measureLock } from './measure/lock.ts';
import { measurePrices } from './measure/prices.ts';
import { type BlockPlan, type Plan, repetitionsOf } from './plan/plan.ts';
import type { Recorder } from './results/recorder.ts';
import type { BlockLine } from './results/records.ts';
import type { BenchStep } from './run.ts';
import { type GuestFiles, placeOf, variantFor, vmSpecOf } from './plan/vm-spec.ts';

export interface BenchContext {
  readonly hypervisor: Hypervisor;
  readonly guests: BenchGuests;
  readonly recorder: Recorder;
  readonly plan: Plan;
  readonly vm_memory_bytes: number;
  /** Host clock at the start of the run. */
  readonly started_ms: number;
  /** Run folders of the VMs go in here. */
  readonly parent_dir: string;
  readonly say: (detail: string) => void;
  readonly signal?: AbortSignal | undefined;
}

export async function runStep(step: BenchStep, context: BenchContext): Promise<void> {
  if (step.kind === 'block') {
    await blockStep(step.block, context);
    await floorStep(step.block, context);
  } else if (step.kind === 'off') await offStep(step.round, context);
  else if (step.kind === 'prices') await pricesStep(step.round, context);
  else if (step.kind === 'lock') await lockStep(step.round, context);
  else await attachedStep(step.round, context);
}

function guestFor(cell: Cell, { guests }: BenchContext): GuestFiles {
  const files = guests.files.get(variantFor(cell));
  if (files) return files;
  throw toolFailed(`the guest of ${cell.mechanism}`, 'its kernel was not built');
}

async function blockStep(block: BlockPlan, context: BenchContext): Promise<void> {
  const { cell } = block;
  const layout = cellLayoutOf(cell, context.vm_memory_bytes);
  const run_dir = join(context.parent_dir, block.block);
  const guest = guestFor(cell, context);
  const names = { id: `bench-${block.block}`, run_dir, guest, accelerator: 'auto' as const };
  const wanted = Math.ceil(context.plan.neighbour_samples / context.plan.rounds);
  const started_ms = hostClock.nowMs();
  try {
    const done = await runBlock(
      {
        plan: block,
        layout,
        spec: vmSpecOf(cell, layout, names),
        hypervisor: context.hypervisor,
        recorder: context.recorder,
        repetitions: repetitionsOf(cell, context.plan),
        run_started_ms: context.started_ms,
        say: context.say,
        ...(context.signal ? { signal: context.signal } : {}),
      },
      cell.neighbour ? measureNeighbour(wanted) : takeTurns,
    );
    context.recorder.block({ ...done, outcome: 'done', reason: null, console_tail: [] });
  } catch (error) {
    if (!context.signal?.aborted) {
      const text = await readTail(join(run_dir, 'console.log'), BENCH_LIMITS.console_bytes);
      const console_tail = text.split('\n').slice(-LIMITS.console_tail_lines * 2);
      context.recorder.console(block.block, text);
      const started_at_ms = started_ms - context.started_ms;
      const reason = messageOf(error);
      context.recorder.block(failedBlock(block, { started_at_ms, reason, console_tail }));
    }
    throw error;
  }
}

function failedBlock(
  { block, round, cell }: BlockPlan,
  known: Pick<BlockLine, 'started_at_ms' | 'reason' | 'console_tail'>,
): BlockLine {
  return {
    block,
    round,
    cell,
    outcome: 'failed',
    ...known,
    duration_ms: 0,
    boot_ms: 0,
    regions: 0,
    fill_bytes: 0,
    rest_fill_bytes: 0,
    guest_kernel: '',
    resident_bytes: 0,
    host_huge_bytes: 0,
    vmm_path: '',
    vmm_command: [],
  };
}

/** Discards by the host alone after each block; a condition may have one block only. */
const FLOOR_REPETITIONS = 3;

/** The host alone, right after the block whose bytes it repeats. */
async function floorStep({ round, cell }: BlockPlan, context: BenchContext): Promise<void> {
  const { region_bytes } = cell;
  const backings =
    cell.backing === 'memfd' ? (['memfd'] as const) : (['anonymous-huge', 'anonymous-4k'] as const);
  const turns = Array.from({ length: FLOOR_REPETITIONS }, () => backings).flat();
  for (const backing of turns) {
    context.say(`floor, ${backing}`);
    const line = await measureFloor({
      program: context.guests.programs.floor_path,
      round,
      backing,
      region_bytes,
      touched_bytes: fillBytes(region_bytes),
      ...(context.signal ? { signal: context.signal } : {}),
    });
    context.recorder.floor(line);
  }
}

async function offStep(round: number, context: BenchContext): Promise<void> {
  const { guests, recorder, say, signal } = context;
  const stock = guests.files.get('stock');
  const patched = guests.files.get('hotmem');
  if (!stock || !patched) throw toolFailed('the kernels', 'they were not built');
  await measureOff({
    stock_kernel: stock.kernel_path,
    patched_kernel: patched.kernel_path,
    program: guests.programs.off_path,
    parent_dir: context.parent_dir,
    round,
    recorder,
    say,
    signal,
  });
}

/** On the stock kernel if a block needs one; else on the other, its partitions left off. */
async function pricesStep(round: number, context: BenchContext): Promise<void> {
  const cell: Cell = { mechanism: 'virtio-mem', ...BASE_CONDITION, region_bytes: 128 * MIB };
  const layout = { ...cellLayoutOf(cell, context.vm_memory_bytes), slots: [{ fill_bytes: 0 }] };
  const id = `bench-prices-${round}`;
  const run_dir = join(context.parent_dir, id);
  const guest = context.guests.files.get('stock') ?? context.guests.files.get('hotmem');
  if (!guest) throw toolFailed('the kernels', 'they were not built');
  await measurePrices({
    hypervisor: context.hypervisor,
    spec: vmSpecOf(cell, layout, { id, run_dir, guest, accelerator: 'auto' }),
    programs: context.guests.programs,
    parent_dir: context.parent_dir,
    round,
    recorder: context.recorder,
    say: context.say,
    ...(context.signal ? { signal: context.signal } : {}),
  });
}

async function lockStep(round: number, context: BenchContext): Promise<void> {
  const { guests, recorder, parent_dir, say, signal } = context;
  const patched = guests.files.get('hotmem');
  if (!patched) throw toolFailed('the kernel', 'it was not built');
  const { kernel_path } = patched;
  const program = guests.programs.off_path;
  await measureLock({ kernel_path, program, parent_dir, round, recorder, say, signal });
}

async function attachedStep(round: number, context: BenchContext): Promise<void> {
  const cell: Cell = { mechanism: 'hotmem', ...BASE_CONDITION, region_bytes: 512 * MIB };
  const layout = { ...cellLayoutOf(cell, context.vm_memory_bytes), slots: [{ fill_bytes: 0 }] };
  const id = `bench-attached-${round}`;
  const run_dir = join(context.parent_dir, id);
  const guest = guestFor(cell, context);
  await measurePartitions({
    patched_kernel: guest.kernel_path,
    program: context.guests.programs.off_path,
    parent_dir: context.parent_dir,
    round,
    recorder: context.recorder,
    say: context.say,
    ...(context.signal ? { signal: context.signal } : {}),
  });
  await measureAttached({
    hypervisor: context.hypervisor,
    spec: vmSpecOf(cell, layout, { id, run_dir, guest, accelerator: 'auto' }),
    place: placeOf(cell, layout, 0),
    region_bytes: cell.region_bytes,
    round,
    recorder: context.recorder,
    say: context.say,
    ...(context.signal ? { signal: context.signal } : {}),
  });
}

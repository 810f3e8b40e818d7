/** Lives of a region in one arm: it is plugged, made ready, used by one call, and given back. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../../../base/clock.ts';
import { KIB } from '../../../base/units.ts';
import { QemuDriver } from '../../../hypervisor-client/qemu/driver.ts';
import { hasArena, type MementoArm } from '../arms.ts';
import { CountedVm, type CountedVmOptions } from './guest.ts';
import { countLife } from './pages.ts';
import type { CountedLife, KernelPages } from './records.ts';

/** A driver that counts page by page. Its cache is nobody's, and so the smallest there is. */
export const countingDriver = (plugin_path: string): QemuDriver =>
  new QemuDriver({
    accesses: { path: plugin_path, sets: 1, ways: 1, granule_bytes: 4 * KIB },
  });

export interface LivesOptions extends Pick<CountedVmOptions, 'hypervisor' | 'guest'> {
  readonly clock: Clock;
  readonly region_bytes: number;
  /** What each call touches. */
  readonly bytes: number;
  /** Lives of the region. */
  readonly rounds: number;
  readonly signal?: AbortSignal | undefined;
  /** A life ended, or begins: the number of it, from 1. */
  readonly onLife?: (round: number) => void;
}

/** In a VM of its own, which is gone when it returns or throws. */
export async function playLives(arm: MementoArm, options: LivesOptions): Promise<CountedLife[]> {
  const run_dir = await mkdtemp(join(tmpdir(), 'hp-stored-'));
  try {
    const vm = await CountedVm.boot({ ...options, run_dir });
    try {
      if (arm.parts.includes('fresh_zero')) await vm.trust();
      const lives: CountedLife[] = [];
      for (let round = 1; round <= options.rounds; round += 1) {
        options.onLife?.(round);
        lives.push(await playLife(vm, { arm, round, bytes: options.bytes }));
      }
      return lives;
    } finally {
      await vm.close();
    }
  } finally {
    await rm(run_dir, { recursive: true, force: true });
  }
}

async function playLife(
  vm: CountedVm,
  {
    arm,
    round,
    bytes,
  }: { readonly arm: MementoArm; readonly round: number; readonly bytes: number },
): Promise<CountedLife> {
  const pages_before = await vm.pages();
  const looks = [await vm.look()];
  const look = async (): Promise<void> => void looks.push(await vm.look());
  await vm.plug();
  if (arm.parts.includes('prepare')) await vm.prepare();
  await look();
  await vm.start(hasArena(arm) ? bytes : 0);
  await look();
  const minor_faults = await vm.call(bytes);
  await look();
  await vm.stop();
  await vm.unplug();
  await look();
  const kernel = since(pages_before, await vm.pages());
  return { arm: arm.name, round, minor_faults, ...countLife(looks), kernel };
}

function since(
  before: Awaited<ReturnType<CountedVm['pages']>>,
  now: Awaited<ReturnType<CountedVm['pages']>>,
): KernelPages | null {
  if (!before || !now) return null;
  return {
    cleared: now.pages_cleared - before.pages_cleared,
    skipped: now.pages_skipped - before.pages_skipped,
    prepared: now.pages_prepared - before.pages_prepared,
    cleared_twice: now.pages_cleared_twice - before.pages_cleared_twice,
  };
}

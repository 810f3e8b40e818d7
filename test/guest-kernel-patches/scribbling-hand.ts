/**
 * A host that discards what the guest gives back, as QEMU does, and then writes into it: whatever
 * it plugs next is not zero.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { MIB } from '../../base/units.ts';
import { QmpClient } from '../../hypervisor-client/qemu/qmp.ts';
import { readBackings } from '../../hypervisor-client/qemu/regions.ts';
import type { Vm } from '../../hypervisor-client/vm.ts';
import type { ResizeRequest } from '../../bench/kernel/selftest-lines.ts';
import { type HostHand, ObedientHand } from '../../bench/kernel/selftest-run.ts';

const MONITOR = 'scribble-qmp.sock';
/** A second monitor for {@link ScribblingHand}, beside that of the driver. */
export const SCRIBBLE_MONITOR = ['-qmp', `unix:RUN_DIR/${MONITOR},server=on,wait=off`] as const;

const SCRIBBLE = Buffer.alloc(2 * MIB, 0xa5);

/** Memory of the one device of a VM, as the host has it. */
export interface Backing {
  readonly memory: FileHandle;
  /** Where the device begins in it. */
  readonly start: number;
}

/** Of a VM that was started with {@link SCRIBBLE_MONITOR}; whoever opens it closes it. */
export async function openBacking(vm: Vm, run_dir: string): Promise<Backing> {
  const qmp = await QmpClient.connect(join(run_dir, MONITOR));
  try {
    const [backing] = await readBackings(qmp, vm.handle.spec);
    if (!backing) throw new Error('the VM has no device');
    return { memory: await open(`/proc/${vm.handle.pid}/mem`, 'r+'), start: backing.start };
  } finally {
    qmp.close();
  }
}

/** Writes into all of the device between the two. */
export async function scribble(
  { memory, start }: Backing,
  from: number,
  to: number,
): Promise<void> {
  for (let at = from; at < to; at += SCRIBBLE.length) {
    const length = Math.min(SCRIBBLE.length, to - at);
    await memory.write(SCRIBBLE, 0, length, start + at);
  }
}

/** For a VM with one device. */
export class ScribblingHand implements HostHand {
  /** Of memory that the guest had given back, or never had. */
  scribbled_bytes = 0;
  readonly #vm: Vm;
  readonly #obedient: ObedientHand;
  readonly #backing: Backing;
  #asked_bytes = 0;

  private constructor(vm: Vm, backing: Backing) {
    this.#vm = vm;
    this.#obedient = new ObedientHand(vm);
    this.#backing = backing;
  }

  /** Takes the second monitor of a VM that was started with {@link SCRIBBLE_MONITOR}. */
  static async take(vm: Vm, run_dir: string): Promise<ScribblingHand> {
    return new ScribblingHand(vm, await openBacking(vm, run_dir));
  }

  get trouble(): readonly string[] {
    return this.#obedient.trouble;
  }

  async resize(request: ResizeRequest): Promise<void> {
    await this.#obedient.settle();
    const { regions } = await this.#vm.observe();
    const plugged_bytes = regions[0]?.plugged_bytes ?? 0;
    /* While a plug may be under way, nobody but the guest knows what it has. */
    const still = this.#asked_bytes <= plugged_bytes;
    if (still) await this.#scribble(plugged_bytes, request.bytes);
    this.#asked_bytes = request.bytes;
    await this.#obedient.resize(request);
  }

  async settle(): Promise<void> {
    await this.#obedient.settle();
  }

  async close(): Promise<void> {
    await this.#backing.memory.close();
  }

  async #scribble(from: number, to: number): Promise<void> {
    await scribble(this.#backing, from, to);
    this.scribbled_bytes += Math.max(0, to - from);
  }
}

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

/** For a VM with one device. */
export class ScribblingHand implements HostHand {
  /** Of memory that the guest had given back, or never had. */
  scribbled_bytes = 0;
  readonly #vm: Vm;
  readonly #obedient: ObedientHand;
  readonly #memory: FileHandle;
  readonly #start: number;
  #asked_bytes = 0;

  private constructor(vm: Vm, memory: FileHandle, start: number) {
    this.#vm = vm;
    this.#obedient = new ObedientHand(vm);
    this.#memory = memory;
    this.#start = start;
  }

  /** Takes the second monitor of a VM that was started with {@link SCRIBBLE_MONITOR}. */
  static async take(vm: Vm, run_dir: string): Promise<ScribblingHand> {
    const qmp = await QmpClient.connect(join(run_dir, MONITOR));
    try {
      const [backing] = await readBackings(qmp, vm.handle.spec);
      if (!backing) throw new Error('the VM has no device');
      const memory = await open(`/proc/${vm.handle.pid}/mem`, 'r+');
      return new ScribblingHand(vm, memory, backing.start);
    } finally {
      qmp.close();
    }
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
    await this.#memory.close();
  }

  async #scribble(from: number, to: number): Promise<void> {
    for (let at = from; at < to; at += SCRIBBLE.length) {
      const length = Math.min(SCRIBBLE.length, to - at);
      await this.#memory.write(SCRIBBLE, 0, length, this.#start + at);
      this.scribbled_bytes += length;
    }
  }
}
